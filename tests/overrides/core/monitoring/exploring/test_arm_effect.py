"""The effect of an arm: unbiased whatever the replays say, by hand and by a loop; and what the page says of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.exploring.arm_effect import (
    Explored,
    doubly_robust,
    effect_of,
    inverse_weighting,
    replay_at,
)

GOLDEN = Path(__file__).parent / "arm_effect.json"
R = st.floats(-20, 20, allow_nan=False)


def explored(*rows: tuple[int, float, bool, float, float | None, float | None]) -> Explored:
    """Return positions of (day, rr, is_alternative, probability, replay_alternative, replay_served)."""
    day, rr, arm, e, other, own = zip(*rows, strict=True)
    missing = [[math.nan if each is None else each for each in column] for column in (other, own)]
    return Explored(
        np.array(day, np.int64), np.array(rr, float), np.array(arm, bool), np.array(e, float),
        np.array(missing[0], float), np.array(missing[1], float), np.zeros(len(day), bool),
    )  # fmt: skip


def by_loop(rows: Explored) -> list[float]:
    found = []
    for rr, arm, e, m1, m0 in zip(
        rows.rr, rows.is_alternative, rows.probability, rows.replay_alternative, rows.replay_served, strict=True
    ):
        if math.isnan(m1) or math.isnan(m0):
            found.append(rr / e if arm else -rr / (1 - e))
        else:
            found.append(m1 - m0 + ((rr - m1) / e if arm else -(rr - m0) / (1 - e)))
    return found


def simulated(seed: int, n: int, *, effect: float, bias: float, e: float = 0.3, per_day: int = 10) -> Explored:
    draw = np.random.default_rng(seed)
    served = draw.standard_normal(n)
    arm = draw.random(n) < e
    other = served + effect
    return Explored(
        np.arange(n) // per_day, np.where(arm, other, served), arm, np.full(n, e),
        other + bias + 0.3 * draw.standard_normal(n), served + 0.3 * draw.standard_normal(n), np.zeros(n, bool),
    )  # fmt: skip


class TestDoublyRobust:
    @given(e=st.floats(0.1, 0.5), other=R, own=R, m1=R, m0=R)
    def test_is_the_effect_on_average_over_the_draw_whatever_is_replayed(
        self, e: float, other: float, own: float, m1: float, m0: float
    ) -> None:
        rows = explored((1, other, True, e, m1, m0), (1, own, False, e, m1, m0))
        for found in (doubly_robust(rows), inverse_weighting(rows)):
            assert e * found[0] + (1 - e) * found[1] == pytest.approx(other - own, abs=1e-9)

    @given(
        st.lists(st.tuples(st.just(1), R, st.booleans(), st.floats(0.1, 0.5), st.none() | R, st.none() | R), min_size=1)
    )
    def test_is_what_a_loop_over_positions_finds(self, rows: list[Any]) -> None:
        found = explored(*rows)

        assert doubly_robust(found).tolist() == pytest.approx(by_loop(found), abs=1e-9)

    def test_is_the_replayed_difference_where_the_replay_is_right(self) -> None:
        rows = explored((1, 0.75, True, 0.1, 0.75, 0.5), (1, 0.5, False, 0.1, 0.75, 0.5))

        assert doubly_robust(rows).tolist() == [0.25, 0.25]

    def test_weighs_alone_where_one_of_the_replays_is_missing(self) -> None:
        rows = explored((1, 1.0, True, 0.5, 0.9, None), (1, 1.0, False, 0.5, None, 0.9))

        assert doubly_robust(rows).tolist() == inverse_weighting(rows).tolist() == [2.0, -2.0]


class TestTheEffect:
    def test_counts_what_there_is(self) -> None:
        found = effect_of(
            explored((1, 1.0, True, 0.5, 1.0, 0.5), (1, 0.0, False, 0.5, None, 0.0), (4, 0.5, False, 0.25, 0.5, 0.5))
        )

        assert (found.positions, found.alternatives, found.without_replays, found.calendar_days) == (3, 1, 1, 4)
        assert found.expected_alternatives == 1.25
        assert found.doubly_robust.total == pytest.approx(0.5 + 0.0 + 0.0)
        assert (found.replayed.trades, found.replayed.total) == (2, 0.5)
        assert (found.interval, found.verdict, found.further_days) == (None, Verdict.TOO_FEW_DAYS, 28)

    def test_finds_an_effect_that_a_flattering_replay_exaggerates(self) -> None:
        found = effect_of(simulated(1, 4000, effect=0.1, bias=0.2))

        assert found.interval is not None
        assert found.interval.low < 0.1 < found.interval.high
        assert found.verdict is Verdict.EARNS
        assert found.replayed.mean == pytest.approx(0.3, abs=0.02)

    def test_says_how_many_days_are_missing(self) -> None:
        found = effect_of(simulated(2, 400, effect=0.0, bias=0.0))
        needed = found.further_days_for(0.05)

        assert needed is not None
        assert needed > 0
        later = effect_of(simulated(3, 400 + 10 * needed, effect=0.0, bias=0.0))
        assert later.interval is not None
        assert later.interval.high - later.interval.mean == pytest.approx(0.05, rel=0.15)
        assert later.further_days_for(0.2) == 0

    def test_is_nothing_without_a_position(self) -> None:
        found = effect_of(simulated(1, 0, effect=0.0, bias=0.0))

        assert (found.positions, found.interval, found.further_days_for()) == (0, None, None)
        assert found.calibration_alternative == ()
        assert not found.is_uneven

    def test_tells_an_uneven_draw(self) -> None:
        rows = [(day, 0.0, day % 10 == 0, 0.5, 0.0, 0.0) for day in range(200)]

        assert effect_of(explored(*rows)).is_uneven

    def test_sets_each_replay_beside_what_came_of_the_arm_that_was_taken(self) -> None:
        found = effect_of(simulated(4, 3000, effect=0.1, bias=0.5))

        assert sum(each.n for each in found.calibration_alternative) == found.alternatives
        assert sum(each.n for each in found.calibration_served) == found.positions - found.alternatives
        off = [each.realised - each.predicted for each in found.calibration_alternative]
        assert np.average(off, weights=[each.n for each in found.calibration_alternative]) == pytest.approx(
            -0.5, abs=0.05
        )

    def test_is_the_same_in_any_order(self) -> None:
        rows = simulated(5, 600, effect=0.1, bias=0.1)
        order = np.random.default_rng(0).permutation(600)
        mixed = effect_of(rows.of(order))

        assert mixed.doubly_robust.total == pytest.approx(effect_of(rows).doubly_robust.total)
        assert mixed.verdict is effect_of(rows).verdict

    def test_leaves_out_where_another_value_was_taken_and_tells_what_was_drawn_apart(self) -> None:
        """A bot that follows the alternative only where it turns out well."""
        rows = simulated(6, 4000, effect=0.0, bias=0.0)
        took_other = rows.is_alternative & (rows.replay_alternative < 0)
        found = effect_of(replace(rows, took_other=took_other))

        assert (found.other_than_alternative, found.other_than_served) == (int(took_other.sum()), 0)
        assert (found.positions, found.closed) == (4000 - found.left_out, 4000)
        assert found.is_uneven
        assert found.as_drawn.mean == effect_of(rows).doubly_robust.mean
        assert found.doubly_robust.mean == effect_of(rows.of(~took_other)).doubly_robust.mean

    def test_is_what_a_calculation_apart_from_this_code_found(self) -> None:
        golden = json.loads(GOLDEN.read_text())
        found = effect_of(explored(*(tuple(row) for row in golden["rows"])))
        assert found.interval is not None
        told = {
            "mean": found.interval.mean,
            "low": found.interval.low,
            "high": found.interval.high,
            "weighting": found.weighting.mean,
            "replayed": found.replayed.mean,
            "positions": found.positions,
            "days": found.interval.days,
            "alternatives": found.alternatives,
            "without_replays": found.without_replays,
        }

        assert told == pytest.approx(golden["expected"], abs=1e-12)

    @pytest.mark.parametrize(
        ("row", "words"),
        [((1, 1.0, True, 0.0, 1.0, 1.0), "chance of either"), ((1, math.nan, True, 0.5, 1.0, 1.0), "an outcome")],
    )
    def test_refuses_positions_that_tell_nothing(self, row: Any, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            explored(row)


class TestReplayAt:
    @pytest.mark.parametrize(
        ("replays", "value", "found"),
        [
            ({"0": 1.0, "2": 2.0}, 2.0, 2.0),
            ({"0.6": 1.0}, 0.6, 1.0),
            ({"0.18": 1}, 0.1800000001, 1.0),
            ({"0.18": 1.0}, 0.181, None),
            ({"nan": 1.0, "later": 1.0}, 0.0, None),
            ({}, 0.0, None),
        ],
    )
    def test_finds_the_arm_of_a_value(self, replays: dict[str, float], value: float, found: float | None) -> None:
        assert replay_at(replays, value) == found
