"""How sure the weight of a coefficient is, and how many weights move as far in permuted outcomes (docs/method.md 8)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.coefficients import KAPPA, TAU_LONG, TAU_SHORT, Memory, memories, weigh
from learning.core.significance.funnel import SIGNIFICANT
from overrides.core.engine.definitions.coefficients import HIGHEST, LOWEST, is_material
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

DAYS_IN_WEEK = 7.0
Columns = Mapping[str, tuple[Floats, Floats, Ints]]  # lever -> outcomes in R, close days, value numbers, (trades,) each
RECENT_DAYS = 280  # twenty time constants of the short mean: an older trade weighs less than 3e-9


@dataclass(frozen=True)
class WeightEvidence:
    """The 95 % interval of a weight, and the effective days behind its short mean; None where one day is all."""

    days: float
    low: float | None
    high: float | None


def days_by_value(day: Floats, code: Ints, as_of: float) -> dict[int, float]:
    """Return value -> effective days for trades with these close days and values, both `(trades,)`.

    Trades older than 280 days count for nothing: they weigh less than 3e-9 in the short mean.

    >>> days_by_value(np.array([1.2, 1.5, 1.9, -400.0]), np.array([7, 7, 7, 8]), 2.0)
    {7: 1.0}
    """
    recent = day > as_of - RECENT_DAYS
    values, position = np.unique(code[recent], return_inverse=True)
    decay = np.exp(-(as_of - day[recent]) / TAU_SHORT)
    days, number = np.unique(np.floor(day[recent]), return_inverse=True)
    pairs, pair = np.unique(position * len(days) + number, return_inverse=True)
    squares = np.bincount(pairs // max(len(days), 1), np.bincount(pair, decay) ** 2, len(values))
    effective = np.bincount(position, decay, len(values)) ** 2 / squares
    return dict(zip(values.tolist(), effective.tolist(), strict=True))


def effective_days(day: Floats, as_of: float) -> float:
    """Return the effective days (sum w_d)^2 / sum w_d^2 behind trades with these close days `(trades,)`; 0 without any.

    w_d is the weight of a day's trades in the short mean, e^(-age / 14 d) each (Kish 1965).

    >>> effective_days(np.array([1.2, 1.5, 1.9]), 2.0), round(effective_days(np.array([1.0, 2.0, 3.0, 4.0]), 4.0), 2)
    (1.0, 3.97)
    """
    return _days_of(_by_day(np.exp(-(as_of - day) / TAU_SHORT), day))


def influence(day: Floats, as_of: float) -> Floats:
    """Return what 1 R more of each trade adds to ln weight, `(trades,)`, for trades with these close days.

    The logarithm of a weight is linear in the outcomes of its value: with W the sums of e^(-age / tau) and kappa = 10,

        c = ( e^(-age / 14 d) + kappa * e^(-age / 90 d) / (W_long + kappa) ) / (W_short + kappa)

    >>> influence(np.array([2.0]), 2.0).round(4).tolist()
    [0.1736]
    """
    short, long = (np.exp(-(as_of - day) / tau) for tau in (TAU_SHORT, TAU_LONG))
    added: Floats = (short + KAPPA * long / (long.sum() + KAPPA)) / (short.sum() + KAPPA)
    return added


def weight_evidence(weight: float, rr: Floats, day: Floats, as_of: float) -> WeightEvidence:
    """Return the evidence of a weight from the outcomes `(trades,)` in R of its value and their close days.

    With c the influence of a trade on ln weight and r_d the sum of c times the deviation from the c-weighted mean over
    one day, the variance of ln weight is m / (m - 1) * sum r_d^2; m are the effective days of the c. Trades of one day
    count together, and both means of the formula are covered; those of all trades are taken as known.

    >>> rr, day = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 2.0, 3.0, 4.0])
    >>> found = weight_evidence(1.0, rr, day, 4.0)
    >>> round(found.days, 2), round(found.low, 2), round(found.high, 2)
    (3.97, 0.59, 1.71)
    """
    days, added = effective_days(day, as_of), influence(day, as_of)
    behind = _days_of(_by_day(added, day))
    if behind <= 1.0 + 1e-9:
        return WeightEvidence(days, None, None)
    mean = float((added * rr).sum() / added.sum())
    variance = behind / (behind - 1) * float((_by_day(added * (rr - mean), day) ** 2).sum())
    error = SIGNIFICANT * math.sqrt(variance)
    return WeightEvidence(days, max(weight * math.exp(-error), LOWEST), min(weight * math.exp(error), HIGHEST))


def _by_day(values: Floats, day: Floats) -> Floats:
    """Return the sum of the values `(trades,)` of each day."""
    _, number = np.unique(np.floor(day), return_inverse=True)
    return np.bincount(number, values).astype(np.float64)


def _days_of(weights: Floats) -> float:
    """Return the effective days of the weights of days; 0 without any."""
    total = float(weights.sum())
    return total**2 / float((weights**2).sum()) if total > 0 else 0.0


@dataclass(frozen=True)
class Fewest:
    """The fewest trades of its own, and effective days behind them, from which a weight is proposed."""

    trades: int
    days: float

    @classmethod
    def of(cls, parameters: EvidenceParameters) -> Self:
        """Return those of a module: what an effect of the evidence method needs, a weight needs too."""
        return cls(parameters.n_min, parameters.effective_days)


def strong_values(day: Floats, code: Ints, as_of: float, fewest: Fewest) -> set[int]:
    """Return the values with enough trades of their own and effective days; close day and value are `(trades,)`."""
    values, counts = np.unique(code, return_counts=True)
    days = days_by_value(day, code, as_of)
    counted = zip(values.tolist(), counts.tolist(), strict=True)
    return {value for value, n in counted if n >= fewest.trades and days.get(value, 0.0) >= fewest.days}


def moved_weights(rr: Floats, day: Floats, code: Ints, overall: Memory, as_of: float, fewest: Fewest) -> int:
    """Return how many values of one dimension have a weight that is proposed: it differs enough from 1, on enough.

    All columns are `(trades,)`: outcome in R, close day, and the value's number.
    """
    strong = strong_values(day, code, as_of, fewest)
    weights = weights_of_values(rr, day, code, overall, as_of)
    return sum(is_material(1.0, weights[value]) for value in strong)


def weights_of_values(rr: Floats, day: Floats, code: Ints, overall: Memory, as_of: float) -> dict[int, float]:
    """Return value -> weight of one dimension; all columns are `(trades,)`, as for `moved_weights`."""
    return {value: weigh(each, overall, as_of).weight for value, each in memories(rr, day, code).items()}


def permuted_in_weeks(rr: Floats, day: Floats, seed: int) -> Floats:
    """Return the outcomes exchanged among the trades that closed in the same week; equal for the same seed.

    >>> permuted_in_weeks(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 9.0]), 3).tolist()[2]
    3.0
    """
    week = np.floor(day / DAYS_IN_WEEK)
    dealt = np.lexsort((np.random.default_rng(seed).random(len(rr)), week))
    permuted = np.empty(len(rr))
    permuted[np.argsort(week, kind="stable")] = rr[dealt]
    return permuted


def weights_in_noise(columns: Columns, overall: Memory, as_of: float, seed: int) -> dict[str, dict[int, float]]:
    """Return lever -> value -> the weight it has if outcomes are exchanged within weeks.

    `columns` maps each lever to the outcomes, close days and value numbers of its trades.
    """
    return {
        lever: weights_of_values(permuted_in_weeks(rr, day, seed), day, code, overall, as_of)
        for lever, (rr, day, code) in columns.items()
    }


def moved_in_noise(columns: Columns, overall: Memory, as_of: float, fewest: Fewest, seed: int) -> int:
    """Return how many weights of all levers would be proposed if outcomes are exchanged within weeks."""
    dealt = weights_in_noise(columns, overall, as_of, seed)
    return moved_among(dealt, {lever: strong_values(*each[1:], as_of, fewest) for lever, each in columns.items()})


def moved_among(weights: Mapping[str, Mapping[int, float]], strong: Mapping[str, Collection[int]]) -> int:
    """Return how many of the strong values of all levers have a weight that differs enough from 1.

    >>> moved_among({"chain": {0: 1.2, 1: 1.3, 2: 1.001}}, {"chain": {0, 2}})
    1
    """
    return sum(is_material(1.0, weights[lever][value]) for lever, values in strong.items() for value in values)
