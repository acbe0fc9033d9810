"""The walk-forward of a tuning lever: in each fold choose an alternative by what was known, and see what it gained.

Doing nothing gains 0. A choice counts with the whole change of rr that the trade tells of the alternative, while a
target goes part of the way (`tuning.lever_choice`): what is tested is the direction. A lever is supported if the lower
end of its interval lies above 0. The interval counts independent stretches of days (`day_stretches`) and holds at every
look, as levers are measured every day. Without support its evidence is shown and nothing is proposed.

The rows are trades, or windows of a gate that stand for trades (`tuning.simulated_gate`). Where only some alternatives
may be judged, such as the candidates of a gate, `admitted` says which by what was known before a moment, and is asked
anew for each fold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import DAY, Bools, Floats, Ints, day_of
from learning.core.tuning.alternative_fit import FEWEST_TOLD, AlternativeFit, fit_alternative
from learning.core.tuning.lever_choice import NOTHING, choose, value_of
from learning.core.tuning.trade_deltas import TradeDeltas
from learning.core.walk_forward.day_stretches import StretchInterval, stretch_interval
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.lever_gain import LeverGain, LeverVerdict
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS, Lever

PER = 1000  # trades for which a gain is reported
DECIMALS = 9  # to which distances are rounded before they are compared

Fits = Mapping[str, AlternativeFit]
Progress = Callable[[float], None]
Admitted = Callable[[int], Collection[str]]  # the alternatives that may be judged by what was known before a moment


@dataclass(frozen=True)
class Part:
    """What one alternative added to a lever's gain, R per 1,000 trades, where it was chosen."""

    chosen: int
    gain: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LeverWalk:
    """The walk-forward of a lever: its gain (None if no fold knew enough), the part of each alternative, a verdict."""

    gain: LeverGain | None
    parts: Mapping[str, Part]

    @property
    def verdict(self) -> LeverVerdict:
        """What the walk says of the lever."""
        gain = self.gain
        if gain is None:
            return LeverVerdict.TOO_FEW
        is_clear = gain.low is not None and gain.low > 0
        return LeverVerdict.SUPPORTED if is_clear else LeverVerdict.EVIDENCE_ONLY


def fits_at(
    trades: TradeDeltas, lever: str, moment: int, parameters: EvidenceParameters, admitted: Admitted | None = None
) -> Fits:
    """Return the fit of each admitted alternative of which enough rows had told before a moment in microseconds.

    The nearest to neutral come first, so that they are chosen where alternatives gain the same, such as thresholds
    between which no score lies. An alternative that no row is changed by, such as the arm that was always taken, is
    left out. Raises as `fit_alternative` does.
    """
    known = trades.known_at(lever, moment)
    names = _told_enough(known, lever)
    if names and admitted is not None:
        may = admitted(moment)
        names = [name for name in names if name in may]
    ordered = sorted(names, key=lambda name: _distance(LEVERS[lever], name))
    fits = {name: fit_alternative(known.observations(lever, name), moment / DAY, parameters) for name in ordered}
    return {name: found for name, found in fits.items() if found is not None}


def _distance(lever: Lever, name: str) -> float:
    """Return how far an alternative lies from neutral; infinite if it names no value that the lever can have."""
    value = value_of(lever, name)
    return math.inf if value is None else round(abs(lever.unit(value)), DECIMALS)


def _told_enough(known: TradeDeltas, lever: str) -> list[str]:
    """Return the alternatives of which enough rows tell, and by which any is changed."""
    deltas = known.levers[lever]
    told = (~np.isnan(deltas.changes)).sum(axis=0) >= FEWEST_TOLD
    changed = np.nan_to_num(deltas.changes).any(axis=0)
    return [name for name, enough in zip(deltas.names, told & changed, strict=True) if enough]


def walk_lever(
    trades: TradeDeltas,
    lever: str,
    folds: int,
    parameters: EvidenceParameters,
    progress: Progress = lambda _: None,
    admitted: Admitted | None = None,
) -> LeverWalk:
    """Return the walk-forward of a lever over the rows that tell of it. Raises as `fits_at` does.

    A fold counts if enough was known before it, whether an alternative was admitted then or none.
    """
    names = trades.levers[lever].names
    told = trades.take(np.flatnonzero(trades.levers[lever].is_told))
    moved: list[tuple[Ints, Ints, Floats, Floats]] = []
    periods = folds_of(told.at, folds)
    for number, fold in enumerate(periods):
        if _told_enough(told.known_at(lever, fold.start), lever):
            fits = fits_at(told, lever, fold.start, parameters, admitted)
            inside = told.take((told.at >= fold.start) & (told.at < fold.end))
            moved.append(_moved(inside, lever, fits, parameters))
        progress((number + 1) / len(periods))
    if not moved:
        return LeverWalk(None, {})
    day, at, gained, promised = (np.concatenate(column) for column in zip(*moved, strict=True))
    parts = {name: _part(day, at == number, gained) for number, name in enumerate(names)}
    return LeverWalk(_gain(day, at, gained, promised), {name: part for name, part in parts.items() if part.chosen})


def _moved(
    inside: TradeDeltas, lever: str, fits: Fits, parameters: EvidenceParameters
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return day, chosen alternative, change of rr and expected change of the trades of a fold, each `(rows,)`.

    A trade that does not tell of the alternative chosen for it is left out.
    """
    deltas = inside.levers[lever]
    choice = choose([each.expected(inside.pattern, inside.scope) for each in fits.values()], len(inside), parameters)
    at = np.array([*(deltas.names.index(name) for name in fits), NOTHING])[choice.at]  # NOTHING is the last position
    changes = deltas.changes[np.arange(len(inside)), at]
    gained = np.where(at == NOTHING, 0.0, changes)
    told = ~np.isnan(gained)
    return day_of(inside.at)[told], at[told], gained[told], choice.gain[told]


def _gain(day: Ints, at: Ints, gained: Floats, promised: Floats) -> LeverGain | None:
    if not len(day):
        return None
    moved = at != NOTHING
    found = stretch_interval(day[moved], gained[moved])
    low, high = _ends(found, float(moved.mean()))
    return LeverGain(
        trades=len(day),
        moved=int(moved.sum()),
        days=len(np.unique(day[moved])),
        gain=PER * float(gained.mean()),
        low=low,
        high=high,
        promised=PER * float(promised.mean()),
        stretches=None if found is None else found.stretches,
    )


def _part(day: Ints, chosen: Bools, gained: Floats) -> Part:
    count = int(np.count_nonzero(chosen))
    low, high = _ends(stretch_interval(day[chosen], gained[chosen]), count / max(len(day), 1))
    return Part(count, PER * float(np.where(chosen, gained, 0.0).mean()) if len(day) else 0.0, low, high)


def _ends(found: StretchInterval | None, share: float) -> tuple[float | None, float | None]:
    """Return the interval of the gain in R per 1,000 trades, given that of the moved trades and their share.

    How many trades are moved was settled before they told anything, so the share varies no more.
    """
    if found is None or found.low is None or found.high is None:
        return None, None
    return PER * share * found.low, PER * share * found.high
