"""Simulated gates: by hand, against a plain loop, and the faults that counting without losers makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.tuning.gate_simulation import (
    GateChange,
    alternatives_of,
    gate_changes,
    simulate_gate,
)
from learning.core.tuning.gate_windows import GateWindows
from overrides.core.engine.definitions.levers import LEVERS

TS, DX, EDX = "min_ts_for_add", "min_dx_for_add", "max_edx_for_add"
SAMPLES = st.lists(st.tuples(st.floats(0, 1), st.floats(-5, 5)), min_size=1, max_size=30)
NAN = float("nan")


def windows(
    ts: Any,
    rr: Any,
    *,
    cluster: Sequence[int] | None = None,
    others: Any = None,
    in_force: float = 0.6,
) -> GateWindows:
    """Windows judged by TS alone, beside what other gates said at each sample."""
    n = len(ts)
    row = np.arange(n)
    others = [[True] * len(each) for each in ts] if others is None else others
    return GateWindows(
        at=row, closed_at=row, known=row, pattern=np.zeros(n, np.int64), scope=np.empty((n, 0), np.int32), trade=row,
        cluster=row if cluster is None else np.array(cluster), patterns=("ema.long.retest",),
        category=np.zeros(n, np.int64), categories=("add",), dimensions=(), values=(),
        rr=np.array(rr, dtype=np.float64), is_open=np.array(others),
        scores={TS: np.array(ts, dtype=np.float64)}, thresholds={TS: np.full(n, in_force)},
    )  # fmt: skip


def change(found: GateWindows, alternative: float, lever: str = TS) -> GateChange:
    (result,) = gate_changes(found, simulate_gate(found, lever, (alternative,)), lever)
    return result


class TestByHand:
    def test_a_looser_gate_lets_in_what_it_kept_out_at_its_first_open_sample(self) -> None:
        one = windows([[0.5, 0.56, 0.58]], [[9.0, 0.4, 7.0]])

        assert simulate_gate(one, TS, (0.55, 0.5, 0.59)).changes.tolist() == [[0.4, 9.0, 0.0]]

    def test_a_tighter_gate_keeps_out_or_enters_later(self) -> None:
        two = windows([[0.61, 0.7], [0.61, 0.62]], [[-1.0, 0.5], [2.0, 3.0]])

        assert simulate_gate(two, TS, (0.65,)).changes.tolist() == [[1.5], [-2.0]]

    def test_the_gate_of_another_lever_stays_shut(self) -> None:
        one = windows([[0.5, 0.5]], [[1.0, 2.0]])
        both = replace(
            one,
            scores={**one.scores, DX: np.array([[0.3, 0.7]])},
            thresholds={**one.thresholds, DX: np.array([0.6])},
        )

        assert simulate_gate(both, TS, (0.5,)).changes.tolist() == [[2.0]]
        assert simulate_gate(both, DX, (0.2,)).changes.tolist() == [[0.0]]  # TS alone kept it out

    def test_a_cap_is_loosened_upwards(self) -> None:
        one = windows([[0.7]], [[1.5]])
        cap = replace(one, scores={EDX: np.array([[0.55]])}, thresholds={EDX: np.array([0.5])})

        assert simulate_gate(cap, EDX, (0.6, 0.4)).changes.tolist() == [[1.5, 0.0]]

    def test_a_flag_without_a_lever_keeps_it_shut(self) -> None:
        one = windows([[0.5]], [[5.0]], others=[[False]])

        assert simulate_gate(one, TS, (0.4,)).changes.tolist() == [[0.0]]

    def test_an_unknown_result_is_no_result_and_nothing_changes_without_one(self) -> None:
        two = windows([[0.5], [0.7]], [[NAN], [NAN]])

        assert np.isnan(simulate_gate(two, TS, (0.5,)).changes).tolist() == [[True], [False]]
        assert change(two, 0.5).unknown == 1

    def test_a_window_that_does_not_consider_the_lever_tells_nothing(self) -> None:
        one = windows([[0.5]], [[1.0]])

        assert np.isnan(simulate_gate(one, DX, (0.5,)).changes).all()
        assert change(one, 0.5, DX).windows == 0

    def test_gains_and_losses_are_summed_over_units(self) -> None:
        # One episode of two windows counts once, with the mean of +1 and +3; the others lose 1 and 0.5.
        four = windows([[0.55]] * 4, [[1.0], [3.0], [-1.0], [-0.5]], cluster=[7, 7, 8, 9])
        found = change(four, 0.5)

        assert (found.gains, found.losses, found.changed, found.let_in) == (2.0, 1.5, 3, 4)
        assert found.ratio == pytest.approx(4 / 3)
        assert found.mean == pytest.approx(0.5 / 3)


class TestCandidates:
    def test_rates_decide_and_not_counts(self) -> None:
        """7 were acted on and 2 won; 97 were skipped and 8 would have won. By counts, 8 missed outweigh 5 lost."""
        acted = [2.0] * 2 + [-1.0] * 5
        skipped = [2.0] * 8 + [-1.0] * 89
        found = windows([[0.65]] * 7 + [[0.55]] * 97, [[rr] for rr in acted + skipped])

        looser = [change(found, each) for each in (0.4, 0.45, 0.5, 0.55)]

        assert [each.let_in for each in looser] == [97] * 4
        assert looser[0].ratio == pytest.approx(16 / 89)
        assert not any(each.is_candidate for each in looser)

    @pytest.mark.parametrize(("won", "is_candidate"), [(49, False), (50, True)])
    def test_gains_have_to_be_twice_the_losses(self, won: int, is_candidate: bool) -> None:
        found = windows([[0.55]] * 100, [[2.0]] * won + [[-1.0]] * (100 - won))

        assert change(found, 0.5).is_candidate is is_candidate

    def test_few_changes_are_no_candidate(self) -> None:
        assert not change(windows([[0.55]] * 19, [[2.0]] * 19), 0.5).is_candidate
        assert change(windows([[0.55]] * 20, [[2.0]] * 20), 0.5).is_candidate

    def test_windows_of_one_episode_are_no_twenty(self) -> None:
        assert not change(windows([[0.55]] * 40, [[2.0]] * 40, cluster=[1] * 40), 0.5).is_candidate

    def test_winners_alone_are_no_candidate_where_the_other_results_are_missing(self) -> None:
        found = windows([[0.55]] * 60, [[2.0]] * 30 + [[NAN]] * 30)

        assert (change(found, 0.5).unknown, change(found, 0.5).ratio) == (30, math.inf)
        assert not change(found, 0.5).is_candidate

    def test_nothing_that_changes_is_no_candidate(self) -> None:
        assert not change(windows([[0.7]] * 50, [[2.0]] * 50), 0.5).is_candidate

    def test_alternatives_stay_inside_the_bounds(self) -> None:
        for lever in LEVERS.values():
            if lever.name.startswith(("min_", "max_")):
                assert all(lever.low <= each <= lever.high for each in alternatives_of(lever))


def by_loop(found: GateWindows, lever: str, alternative: float) -> list[float]:
    """Replay every window sample by sample."""
    changes = []
    for window in range(len(found)):
        earned = []
        for threshold in (found.thresholds[lever][window], alternative):
            at = None
            for sample in range(found.rr.shape[1]):
                is_open = bool(found.is_open[window, sample])
                for name, in_force in found.thresholds.items():
                    limit = threshold if name == lever else in_force[window]
                    score = found.scores[name][window, sample]
                    is_open = is_open and (score >= limit if name.startswith("min") else score <= limit)
                if is_open:
                    at = sample
                    break
            earned.append((at, 0.0 if at is None else float(found.rr[window, at])))
        (before, was), (after, would) = earned
        changes.append(0.0 if before == after else would - was)
    return changes


@pytest.mark.parametrize("seed", range(5))
def test_the_columns_say_what_a_loop_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (60, 12)
    found = windows(rng.uniform(0, 1, shape), rng.normal(0, 1, shape), others=rng.random(shape) < 0.5)
    length = rng.integers(1, 13, 60)
    found = replace(
        found,
        is_open=found.is_open & (np.arange(12) < length[:, None]),
        rr=np.where(rng.random(shape) < 0.1, np.nan, found.rr),
        scores={**found.scores, EDX: rng.uniform(0, 1, shape)},
        thresholds={TS: rng.uniform(0.4, 0.9, 60), EDX: rng.uniform(0.3, 0.9, 60)},
    )
    for lever in found.thresholds:
        alternatives = (0.1, 0.35, 0.6, 0.95)
        deltas = simulate_gate(found, lever, alternatives)
        for number, each in enumerate(alternatives):
            np.testing.assert_array_equal(deltas.changes[:, number], by_loop(found, lever, each))


@given(SAMPLES, st.floats(0, 1))
def test_the_threshold_in_force_changes_nothing(samples: list[tuple[float, float]], in_force: float) -> None:
    found = windows([[ts] for ts, _ in samples], [[rr] for _, rr in samples], in_force=in_force)

    assert not simulate_gate(found, TS, (in_force,)).changes.any()


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-5, 5)), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1)
)
def test_what_a_tighter_gate_keeps_out_a_looser_one_lets_in(
    samples: list[tuple[float, float]], one: float, other: float
) -> None:
    """Of windows with one sample, going from one threshold to the other undoes going the other way."""
    ts, rr = [[each] for each, _ in samples], [[each] for _, each in samples]

    there = simulate_gate(windows(ts, rr, in_force=one), TS, (other,)).changes
    back = simulate_gate(windows(ts, rr, in_force=other), TS, (one,)).changes

    np.testing.assert_array_equal(there, -back)
