"""What the whole earned, from sums of days: against plain sums, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums
from overrides.core.monitoring.earning.earned import Day, Verdict, further_days, merged, verdict, whole

POSITIONS = st.lists(  # (exposure, rr) of the positions of each day
    st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-5, 5)), min_size=1, max_size=4), min_size=2, max_size=12
)


def days_of(positions: list[list[tuple[float, float]]]) -> list[Day]:
    return [
        Day(
            day, len(each), len(each), sum(e * rr for e, rr in each), sum(e for e, _ in each), sum(rr for _, rr in each)
        )
        for day, each in enumerate(positions)
    ]


class TestTheWhole:
    @given(POSITIONS)
    def test_at_equal_exposure_is_a_sum_over_positions(self, positions: list[list[tuple[float, float]]]) -> None:
        found = whole(days_of(positions))

        before: list[float] = []
        total = 0.0
        for each in positions:
            if before:
                total += sum((e - float(np.mean(before))) * rr for e, rr in each)
            before += [e for e, _ in each]
        assert found.neutral.total == pytest.approx(total, abs=1e-9)
        assert found.neutral.days == found.replayed.days - 1

    @given(POSITIONS, st.floats(-0.2, 0.2))
    def test_of_one_size_for_all_is_nothing_at_equal_exposure(
        self, positions: list[list[tuple[float, float]]], size: float
    ) -> None:
        found = whole(days_of([[(size, rr) for _, rr in each] for each in positions]))

        assert found.neutral.total == pytest.approx(0.0, abs=1e-9)
        assert found.replayed.total == pytest.approx(size * sum(rr for each in positions for _, rr in each), abs=1e-9)

    def test_of_a_period_knows_the_exposure_before_it(self) -> None:
        days = [Day(1, 2, 2, 0.1, 0.2, 1.0), Day(2, 2, 2, 0.2, 0.0, 4.0)]
        found = whole(days, since=2)

        assert (found.replayed.days, found.neutral.days) == (1, 1)
        assert found.neutral.total == pytest.approx(-0.2)

    def test_looks_at_every_day(self) -> None:
        found = whole(Day(day, 10, 10, 0.5 + 0.1 * (-1) ** day, 0.5, 1.0) for day in range(40))

        assert [look.low is None for look in found.looks()] == [True] * (FEWEST_DAYS - 1) + [False] * 11
        assert found.looks()[-1].total == pytest.approx(20.0)
        interval = found.replayed.interval()
        assert interval is not None
        assert found.looks()[-1].low == pytest.approx(interval.low * 400)

    def test_refuses_days_that_are_not_in_order(self) -> None:
        one, same = Day(2, 1, 1, 0.0, 0.0, 0.0), Day(2, 1, 0, 1.0, 0.0, 1.0)

        with pytest.raises(ValueError, match="does not come after"):
            whole([one, same])
        assert whole(merged([one, same])).replayed.trades == 2


def grown(total: float, swing: float, days: int = 60) -> DaySums:
    sums = DaySums()
    for day in range(days):
        sums = sums.plus(total + swing * (-1) ** day, 10)
    return sums


class TestTheVerdict:
    @pytest.mark.parametrize(
        ("sums", "expected"),
        [
            (grown(0.5, 0.5), Verdict.EARNS),
            (grown(-0.5, 0.5), Verdict.LOSES),
            (grown(0.5, 3.0), Verdict.NOT_SHOWN),
            (grown(0.0, 0.0), Verdict.NOT_SHOWN),
            (grown(0.5, 0.5, days=FEWEST_DAYS - 1), Verdict.TOO_FEW_DAYS),
        ],
    )
    def test_is_what_the_interval_shows(self, sums: DaySums, expected: Verdict) -> None:
        assert verdict(sums) is expected

    def test_states_the_days_that_are_missing(self) -> None:
        assert further_days(grown(0.5, 0.5, days=12)) == 18
        assert further_days(grown(0.5, 0.5)) is None
        assert further_days(grown(0.0, 0.0)) is None

        further = further_days(grown(0.5, 3.0))
        assert further is not None
        assert verdict(grown(0.5, 3.0, days=60 + further + 2)) is Verdict.EARNS
        assert verdict(grown(0.5, 3.0, days=60 + further - 4)) is Verdict.NOT_SHOWN
