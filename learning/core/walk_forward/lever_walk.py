"""The walk-forward of a tuning lever: in each fold choose an alternative by what was known, and see what it gained.

Doing nothing gains 0. A choice counts with the whole change of rr that the trade tells of the alternative, while a
target goes part of the way (`tuning.lever_choice`): what is tested is the direction. A lever is supported if the lower
end of its band lies above 0 and what moved spreads over enough days. Without support its evidence is shown and nothing
is proposed.

The rows are trades, or windows of a gate that stand for trades (`tuning.simulated_gate`). Where only some alternatives
may be judged, such as the candidates of a gate, `admitted` says which by what was known before a moment, and is asked
anew for each fold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import DAY, Floats, Ints, day_of
from learning.core.significance.day_dependence import MOST_LAGS
from learning.core.tuning.alternative_fit import FEWEST_TOLD, AlternativeFit, fit_alternative
from learning.core.tuning.lever_choice import NOTHING, choose, value_of
from learning.core.tuning.trade_deltas import TradeDeltas
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.lever_gain import LeverGain, LeverVerdict
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.core.monitoring.days.day_bootstrap import day_block_band

PER = 1000  # trades for which a gain is reported
DECIMALS = 9  # to which distances are rounded before they are compared
FEWEST_DAYS = 8  # decision days of moved trades from which a band means anything

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
        is_clear = gain.low is not None and gain.low > 0 and gain.days >= FEWEST_DAYS
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
    low, high = _band(day, gained)
    moved = at != NOTHING
    return LeverGain(
        trades=len(day),
        moved=int(moved.sum()),
        days=len(np.unique(day[moved])),
        gain=PER * float(gained.mean()),
        low=low,
        high=high,
        promised=PER * float(promised.mean()),
    )


def _part(day: Ints, chosen: Floats, gained: Floats) -> Part:
    values = np.where(chosen, gained, 0.0)
    low, high = _band(day, values) if chosen.any() else (None, None)
    return Part(int(np.count_nonzero(chosen)), PER * float(values.mean()) if len(day) else 0.0, low, high)


def _band(day: Ints, values: Floats) -> tuple[float | None, float | None]:
    """Return the 95 % band of the mean, R per 1,000 trades: of the day-block bootstrap, wider if near days agree."""
    band = day_block_band(day, values)
    if band is None or band.low is None or band.high is None:
        return None, None
    wider = math.sqrt(run_length(day, values))
    below, above = (wider * (end - band.mean) for end in (band.low, band.high))
    return PER * (band.mean + below), PER * (band.mean + above)


def run_length(day: Ints, values: Floats) -> float:
    """Return by how much days that follow each other raise the variance of a mean over days, at least 1.

    1 + 2 sum of the correlations of the sums of days, by the days between them, up to the last before the first that is
    not positive (Geyer 1992), at most 30: whole days drawn anew lose what lasts for weeks. Days without rows count as
    0. Example: days that gain and lose by turns add nothing; a gain that lasts for half of the time adds much.

    >>> day = np.arange(40)
    >>> run_length(day, np.where(day % 2, 1.0, -1.0)), round(run_length(day, np.where(day < 20, 1.0, -1.0)), 2)
    (1.0, 13.35)
    """
    whole = np.bincount(day - day.min(), values - values.mean())
    square, length = float(whole @ whole), 1.0
    for lag in range(1, min(MOST_LAGS, len(whole) - 1) + 1) if square > 0 else ():
        product = float(whole[:-lag] @ whole[lag:])
        if product <= 0:
            break
        length += 2 * product / square
    return length
