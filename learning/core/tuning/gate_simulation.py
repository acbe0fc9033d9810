"""Another threshold on past windows, with all other gates in force: what would have been let in or kept out.

A window is entered at the first of its samples at which every gate is open. Under another threshold that sample may be
an earlier one, a later one or none, and the difference of what was earned is the change that the alternative makes:

    change = rr at the first open sample under the alternative - rr at the one under the thresholds in force,

with 0 for a window that is not entered. What is let in counts with all of its results, losers too, so that a gate is
not loosened for the winners that it kept out. A threshold that differs from that in force is a candidate only if

    sum of gains / sum of losses >= 2,

over units that change: windows of one cluster count once, with their mean. How often windows change is then part of the
mean change, by which candidates are judged like any other alternative (`simulated_gate`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.tuning.gate_windows import NEVER, GateWindows, first_open
from learning.core.tuning.trade_deltas import UNKNOWN
from overrides.core.engine.definitions.levers import Lever

LEAST_RATIO = 2.0  # of gains to losses
LEAST_CHANGED = 20  # units whose result the alternative changes
MOST_UNKNOWN = 0.2  # share of changed windows whose result is not known; they may be missing for what it was
STEP, STEPS = 0.05, 4  # of alternatives around neutral, on either side
DECIMALS = 9  # to which thresholds and sums are rounded before they are compared


@dataclass(frozen=True, eq=False)
class GateDeltas:
    """One lever's alternatives, in the columns in which those of trades are read.

    names    (alternatives,) thresholds, as text
    changes  (windows, alternatives) change of what was earned in R; NaN where it is not known, and in windows that do
             not consider the lever
    known    (windows,) when the last result was known, microseconds since 1970-01-01 UTC
    before   (windows,) the sample at which the window was entered; NEVER if it was not
    after    (windows, alternatives) that sample under each alternative
    """

    names: tuple[str, ...]
    changes: Floats
    known: Ints
    before: Ints
    after: Ints


@dataclass(frozen=True)
class GateChange:
    """What one threshold would have done to past windows.

    windows            those that consider the lever and whose change is known
    let_in, kept_out   windows entered under the alternative alone, or under the threshold in force alone
    moved              windows entered under both, at another sample
    changed            units whose result it changes
    unknown            windows that it would change, with a result that is not known
    gains, losses      sums over units in R, both at least 0
    mean               change of a unit in R, those that do not change included
    """

    alternative: str
    windows: int
    let_in: int
    kept_out: int
    moved: int
    changed: int
    unknown: int
    gains: float
    losses: float
    mean: float

    @property
    def ratio(self) -> float:
        """Gains over losses; infinite without losses, 0 without gains."""
        if self.gains == 0:
            return 0.0
        return self.gains / self.losses if self.losses > 0 else math.inf

    @property
    def is_candidate(self) -> bool:
        """Whether the alternative may be judged at all."""
        return not self.refusal

    @property
    def refusal(self) -> str:
        """Why the alternative may not be judged, in words; empty if it may."""
        would_change = self.let_in + self.kept_out + self.moved + self.unknown
        if self.unknown > MOST_UNKNOWN * would_change:
            return f"of {would_change:,} windows that it would change, {self.unknown:,} have no known result"
        if self.changed < LEAST_CHANGED:
            return f"it changes {self.changed:,} episodes, and {LEAST_CHANGED} are needed"
        if round(self.ratio, DECIMALS) < LEAST_RATIO:
            return f"it gained {self.ratio:.2f} for 1 lost, and {LEAST_RATIO:g} are needed"
        return ""


def alternatives_of(lever: Lever) -> tuple[float, ...]:
    """Return the thresholds that are tried: up to four steps of .05 around neutral, inside the lever's bounds.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> alternatives_of(LEVERS["min_ts_for_add"])
    (0.4, 0.45, 0.5, 0.55, 0.65, 0.7, 0.75, 0.8)
    """
    steps = (each for each in range(-STEPS, STEPS + 1) if each)
    values = (round(lever.neutral + STEP * each, DECIMALS) for each in steps)
    return tuple(value for value in values if lever.low <= value <= lever.high)


def simulate_gate(windows: GateWindows, lever: str, alternatives: Sequence[float]) -> GateDeltas:
    """Return the changes under each threshold of a lever, with all other gates as they were.

    Where the alternative enters at the same sample nothing changes, whether the result is known or not. Example: a
    window of two samples that TS .60 kept out; .55 lets it in at the second one, which would have earned .7 R.

    >>> one = np.array([0])
    >>> window = GateWindows(
    ...     one, one, one, one, np.empty((1, 0), np.int32), one, one, ("k",), one, ("add",), (), (),
    ...     np.array([[0.9, 0.7]]), np.array([[True, True]]), {"min_ts_for_add": np.array([[0.5, 0.58]])},
    ...     {"min_ts_for_add": np.array([0.6])},
    ... )
    >>> simulate_gate(window, "min_ts_for_add", (0.55, 0.65)).changes.tolist()
    [[0.7, 0.0]]
    """
    told = windows.considers(lever)
    names = tuple(f"{each:g}" for each in alternatives)
    if not told.any():
        nothing = np.full((len(windows), len(names)), NEVER)
        return GateDeltas(names, np.full(nothing.shape, np.nan), windows.known, nothing[:, 0], nothing)
    others = windows.is_open.copy()
    for name, in_force in windows.thresholds.items():
        if name != lever:
            others &= windows.passes(name, in_force)
    before = first_open(others & windows.passes(lever, windows.thresholds[lever]))
    tried = [first_open(others & windows.passes(lever, np.full(len(windows), each))) for each in alternatives]
    after = np.stack(tried, axis=1)
    earned = np.stack([_earned(windows, each) for each in tried], axis=1)
    changes = np.where(after == before[:, None], 0.0, earned - _earned(windows, before)[:, None])
    changes[~told] = np.nan
    return GateDeltas(names, changes, windows.known, before, after)


def _earned(windows: GateWindows, at: Ints) -> Floats:
    """Return what acting at a sample of each window earned in R; 0 where the window is not entered."""
    earned: Floats = np.where(at == NEVER, 0.0, windows.rr[np.arange(len(at)), at])
    return earned


def gate_changes(windows: GateWindows, deltas: GateDeltas, lever: str, moment: int = UNKNOWN) -> list[GateChange]:
    """Return what each alternative would have done to the windows that consider the lever, in order.

    Only what was known before the moment, in microseconds, is counted: a window whose episode had not ended is left
    out, and one whose result was not known is one without a result.
    """
    told = windows.considers(lever) & (windows.closed_at < moment)
    is_same = deltas.after == deltas.before[:, None]
    changes = np.where(is_same | (windows.known < moment)[:, None], deltas.changes, np.nan)
    return [
        _change(name, changes[told, number], windows.cluster[told], deltas.before[told], deltas.after[told, number])
        for number, name in enumerate(deltas.names)
    ]


def _change(name: str, changes: Floats, cluster: Ints, before: Ints, after: Ints) -> GateChange:
    known = ~np.isnan(changes)
    units = means_of_units(changes[known], cluster[known])
    return GateChange(
        alternative=name,
        windows=int(known.sum()),
        let_in=int((known & (before == NEVER) & (after != NEVER)).sum()),
        kept_out=int((known & (before != NEVER) & (after == NEVER)).sum()),
        moved=int((known & (before != NEVER) & (after != NEVER) & (after != before)).sum()),
        changed=int((units != 0).sum()),
        unknown=int((~known).sum()),
        gains=float(units[units > 0].sum()),
        losses=float(-units[units < 0].sum()),
        mean=float(units.mean()) if len(units) else 0.0,
    )


def means_of_units(changes: Floats, cluster: Ints) -> Floats:
    """Return the mean change of each cluster.

    >>> means_of_units(np.array([1.0, 2.0, 5.0]), np.array([7, 7, 3])).tolist()
    [5.0, 1.5]
    """
    _, unit = np.unique(cluster, return_inverse=True)
    count = np.bincount(unit)
    means: Floats = np.bincount(unit, changes) / np.maximum(count, 1)
    return means
