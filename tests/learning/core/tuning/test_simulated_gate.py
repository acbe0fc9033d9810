"""A lever's gate over past windows: what was known of it at a moment, and its columns in place of trades."""

from __future__ import annotations

import numpy as np
import pytest

from learning.core.cells.rows import DAY
from learning.core.tuning.gate_simulation import LEAST_CHANGED, LEAST_RATIO, alternatives_of
from learning.core.tuning.gate_windows import GateWindows
from learning.core.tuning.simulated_gate import SimulatedGate
from learning.core.tuning.trade_deltas import UNKNOWN
from overrides.core.engine.definitions.levers import LEVERS
from tests.learning.core.tuning.gate_worlds import TS, make_windows

LEVER = LEVERS[TS]


def by_loop(windows: GateWindows, moment: int) -> set[str]:
    """Return the candidates at a moment, window by window, from what was known then alone."""
    found = set()
    for alternative in alternatives_of(LEVER):
        units: dict[int, list[float]] = {}
        would_change = unknown = 0
        for row in range(len(windows)):
            if windows.closed_at[row] >= moment:
                continue
            ts, result = windows.scores[TS][row, 0], windows.rr[row, 0]
            was, would = ts >= windows.thresholds[TS][row], ts >= alternative
            is_known = windows.known[row] < moment and not np.isnan(result)
            would_change += was != would
            unknown += was != would and not is_known
            if was == would or is_known:
                change = 0.0 if was == would else result if would else -result
                units.setdefault(int(windows.cluster[row]), []).append(float(change))
        means = [sum(each) / len(each) for each in units.values()]
        gains, losses = sum(each for each in means if each > 0), -sum(each for each in means if each < 0)
        enough = sum(each != 0 for each in means) >= LEAST_CHANGED
        if enough and unknown <= 0.2 * would_change and gains >= LEAST_RATIO * losses:
            found.add(f"{alternative:g}")
    return found


def world(seed: int) -> GateWindows:
    """Windows of which some results are missing and some are known late; three windows share an episode."""
    random = np.random.default_rng(seed)
    count = 300
    ts = random.uniform(0.35, 0.8, count)
    rr = np.where(random.random(count) < 0.03, np.nan, random.normal(np.where(ts > 0.5, 0.5, -0.2), 1.0))
    windows = make_windows(ts, rr, cluster=np.arange(count) // 3)
    closed = windows.at + random.integers(0, 3 * DAY, count)
    known = np.where(np.isnan(rr), UNKNOWN, closed + random.integers(0, 6 * DAY, count))
    return make_windows(ts, rr, cluster=windows.cluster, closed_at=closed, known=known)


def test_candidates_at_a_moment_are_those_of_a_loop_over_what_was_known_then() -> None:
    candidates = []
    for seed in range(4):
        windows = world(seed)
        gate = SimulatedGate.of(windows, LEVER)
        for day in (0, 10, 20, 40, 60, 90):
            assert gate.candidates_before(day * DAY) == by_loop(windows, day * DAY)
            candidates.append(len(gate.candidates_before(day * DAY)))

    assert 0 in candidates
    assert max(candidates) > 1


def test_by_now_everything_that_is_known_counts() -> None:
    gate = SimulatedGate.of(world(0), LEVER)

    assert gate.changes == gate.changes_before(int(gate.windows.known[gate.windows.known < UNKNOWN].max()) + 1)


def test_a_window_without_a_result_tells_nothing_not_even_that_nothing_changes() -> None:
    windows = make_windows([0.7, 0.7], [1.0, np.nan], known=np.array([DAY, UNKNOWN]))

    told = SimulatedGate.of(windows, LEVER).told.levers[TS]

    assert told.is_told.tolist() == [True, False]
    assert told.changes[0, told.names.index("0.55")] == 0.0


def test_an_episode_counts_once_in_what_is_fitted() -> None:
    gate = SimulatedGate.of(make_windows([0.57] * 6, [1.0] * 6, cluster=np.arange(6) // 3), LEVER)

    assert len(np.unique(gate.told.observations(TS, "0.55").cluster)) == 2
    assert next(each for each in gate.changes if each.alternative == "0.55").gains == pytest.approx(2.0)


def test_names_the_categories_that_its_windows_are_of() -> None:
    of = {"patterns": ("a.long.x", "b.long.x"), "pattern": np.array([0, 0, 1]), "categories": ("add", "entry")}
    gate = SimulatedGate.of(make_windows([0.5] * 3, [1.0] * 3, category=np.array([0, 1, 0]), **of), LEVER)

    assert gate.categories == {"a.long.x": ("add", "entry"), "b.long.x": ("add",)}


@pytest.mark.parametrize(
    ("ts", "rr", "why"),
    [
        ([0.57] * 19, [1.0] * 19, "it changes 19 episodes, and 20 are needed"),
        ([0.57] * 40, [1.0] * 20 + [-1.0] * 20, "it gained 1.00 for 1 lost, and 2 are needed"),
        ([0.57] * 40, [1.0] * 30 + [np.nan] * 10, "of 40 windows that it would change, 10 have no known result"),
        ([0.57] * 40, [1.0] * 40, ""),
    ],
)
def test_says_why_a_threshold_may_not_be_judged(ts: list[float], rr: list[float], why: str) -> None:
    gate = SimulatedGate.of(make_windows(ts, rr), LEVER)

    assert next(each.refusal for each in gate.changes if each.alternative == "0.55") == why
