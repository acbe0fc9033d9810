"""Uplift: by hand, against a loop, and sizes that earn nothing."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.rows import Floats, Ints
from learning.core.walk_forward.score import TILT, increments, matched, scores, tilt_of, uplift
from tests.learning.core.walk_forward.builders import make_sized_trades

LOW, HIGH = 0.7, 1.3


def naive(fold: Ints, size: Floats, outcome: Floats) -> list[float]:
    found = []
    for own, m, rr in zip(fold.tolist(), size.tolist(), outcome.tolist(), strict=True):
        inside = [place for place, each in enumerate(fold.tolist()) if each == own]
        mean_size = sum(size[place] for place in inside) / len(inside)
        mean_rr = sum(outcome[place] for place in inside) / len(inside)
        found.append((m / mean_size - 1) * (rr - mean_rr))
    return found


def drawn(seed: int, count: int = 60) -> tuple[Ints, Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, count), rng.uniform(0.7, 1.3, count), rng.normal(0.4, 1.5, count)


class TestIncrements:
    def test_agree_with_a_loop(self) -> None:
        fold, size, outcome = drawn(1)

        assert increments(fold, size, outcome).tolist() == pytest.approx(naive(fold, size, outcome), abs=1e-12)

    def test_add_up_to_what_the_sizes_earned_at_the_mean_exposure(self) -> None:
        """Subtracting the mean outcome does not change the total: the leans of a fold sum to 0."""
        fold, size, outcome = np.zeros(60, np.int64), *drawn(2)[1:]

        total = (size / size.mean() - 1) * outcome
        assert increments(fold, size, outcome).mean() == pytest.approx(float(total.mean()))

    @settings(deadline=None)
    @given(seed=st.integers(0, 10_000), level=st.floats(0.7, 1.3))
    def test_are_zero_for_a_constant_size(self, seed: int, level: float) -> None:
        fold, _, outcome = drawn(seed)

        assert np.abs(increments(fold, np.full(60, level), outcome)).max() == 0.0

    @settings(deadline=None)
    @given(seed=st.integers(0, 10_000), factor=st.floats(0.5, 2.0), level=st.floats(-3, 3))
    def test_do_not_care_for_leverage_nor_for_the_level_of_the_market(
        self, seed: int, factor: float, level: float
    ) -> None:
        fold, size, outcome = drawn(seed)

        assert increments(fold, factor * size, outcome + level) == pytest.approx(
            increments(fold, size, outcome), abs=1e-10
        )

    def test_do_not_pay_for_sizing_up_in_a_good_fold(self) -> None:
        fold, size, outcome = np.array([0, 0, 1, 1]), np.array([0.8, 0.8, 1.2, 1.2]), np.array([-1.0, -2.0, 1.0, 2.0])

        assert increments(fold, size, outcome).tolist() == [0.0] * 4


class TestMatched:
    def test_has_the_common_spread_and_keeps_the_order(self) -> None:
        _, size, _ = drawn(3)

        found = matched(size**0.1, LOW, HIGH)

        assert found is not None
        assert np.log(found).std() == pytest.approx(TILT)
        assert (np.argsort(found) == np.argsort(size)).all()

    def test_is_the_same_whatever_the_policy_bet(self) -> None:
        _, size, _ = drawn(4)

        assert matched(size**0.01, LOW, HIGH) == pytest.approx(matched(size, LOW, HIGH), abs=1e-9)

    def test_stays_within_bounds(self) -> None:
        found = matched(np.array([1.0] * 99 + [1.02]), LOW, HIGH)

        assert found is not None
        assert (found.min(), found.max()) == (pytest.approx(0.99, abs=0.01), pytest.approx(HIGH))

    def test_is_none_where_nothing_leans(self) -> None:
        assert matched(np.full(5, 1.02), LOW, HIGH) is None


class TestScores:
    def test_are_told_per_thousand_trades(self) -> None:
        """Half the trades at 1 R sized 1.1, half at -1 R sized 0.9: a tenth of an R a trade."""
        sized = make_sized_trades([1.0, -1.0] * 20, [1.1, 0.9] * 20)

        found = uplift(sized, sized.size)

        assert found is not None
        assert astuple(found) == pytest.approx((100.0, 100.0, 100.0))

    def test_publish_the_tilt(self) -> None:
        found = tilt_of(np.array([1.1, 1.0, 1.0, 0.9]))

        assert found is not None
        assert (found.mean, found.lowest, found.highest, found.moved) == (1.0, 0.9, 1.1, 0.5)
        assert found.mean_ln == pytest.approx(np.log([1.1, 0.9]).sum() / 4)
        assert found.sd_ln == pytest.approx(np.std(np.log([1.1, 1.0, 1.0, 0.9])))

    def test_of_no_trades_are_none(self) -> None:
        assert set(scores(make_sized_trades([], []), LOW, HIGH).values()) == {None}

    def test_of_a_policy_without_an_opinion_are_zero_and_cannot_be_matched(self) -> None:
        found = scores(make_sized_trades([1.0, -1.0, 2.0], [1.0, 1.0, 1.0]), LOW, HIGH)

        assert found["uplift"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
        assert found["matched"] is None
