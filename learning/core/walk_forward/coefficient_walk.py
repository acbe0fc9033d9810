"""Coefficients in the walk-forward: the weights in force in each fold, and what scaling by them gained (method 8.5).

At the start of each fold every weight is what the formula gives from the trades that had closed, proposed by the same
rule as in operation and approved at once. The fold's decided trades are then scaled, by each weight alone and by all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from learning.core.cells.rows import DAY, MISSING, Floats, Ints, day_of
from learning.core.cells.units import runs
from learning.core.coefficient_evidence import Fewest, strong_values
from learning.core.coefficient_steps import next_weight
from learning.core.coefficients import memories, weigh
from learning.core.significance.funnel import SIGNIFICANT
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.outcome_columns import DECIDED, Trades
from learning.core.walk_forward.score import Uplift, increments
from overrides.core.engine.definitions.coefficients import HIGHEST, LEVER_DIMENSIONS, LOWEST
from overrides.core.monitoring.days.day_bootstrap import day_block_band

FEWEST_DAYS = 8  # days with scaled trades from which the gain of a weight has an interval

Held = dict[str, Floats]  # lever -> the weight in force of each of its values, 1 without one


@dataclass(frozen=True)
class WeightGain:
    """What scaling by one weight would have gained at equal exposure.

    gain       R per unit of size, over all its trades in the folds in which it was in force
    low, high  its 95 % interval from whole days; None on fewer than 8 days
    n, days    its trades that were scaled, and the days on which they were decided
    folds      the folds in which it was in force and had trades
    """

    gain: float
    low: float | None
    high: float | None
    n: int
    days: int
    folds: int

    @classmethod
    def of(cls, day_gains: Floats, n: int, days: int, folds: int) -> WeightGain:
        """Return the sum of the gains `(days,)` in R of all D days of its folds.

        The variance of the sum is D / (D - 1) times the sum of squared deviations from the mean gain of a day.

        >>> found = WeightGain.of(np.array([1.0, -1.0] * 8), n=20, days=16, folds=1)
        >>> found.gain, round(found.high, 2)
        (0.0, 8.1)
        """
        gain, count = float(day_gains.sum()), len(day_gains)
        if days < FEWEST_DAYS or count < 2:
            return cls(gain, None, None, n, days, folds)
        error = SIGNIFICANT * math.sqrt(count / (count - 1) * float(((day_gains - day_gains.mean()) ** 2).sum()))
        return cls(gain, gain - error, gain + error, n, days, folds)


@dataclass
class _Sums:
    """The gains of one weight, added up fold by fold."""

    day_gains: list[Floats] = field(default_factory=list)
    n: int = 0
    days: int = 0

    def result(self) -> WeightGain:
        return WeightGain.of(np.concatenate(self.day_gains), self.n, self.days, len(self.day_gains))


def walk_coefficients(trades: Trades, folds: int, fewest: Fewest) -> dict[str, Any]:
    """Return the walk-forward result of the coefficients of dm as JSON values.

    `trades` names the dimensions of coefficients. `weights` holds the gain of each weight by name, `lever=value`, that
    was in force in a fold with trades of it; `uplift` is that of all weights together, in R per 1,000 trades, None
    where no trade was decided in a fold.
    """
    decided = trades.decided()
    levers = _positions(trades)
    held: Held = {lever: np.ones(len(trades.values[at])) for lever, at in levers.items()}
    sums: dict[tuple[str, int], _Sums] = {}
    sizes, parts = [], []
    for fold in folds_of(decided.at, folds):
        in_fold = decided.take((decided.at >= fold.start) & (decided.at < fold.end))
        held = _next_weights(trades.known_at(fold.start), levers, fold.start / DAY, fewest, held)
        for lever, at in levers.items():
            _add_gains(sums, lever, in_fold.scope[:, at].astype(np.int64), held[lever], in_fold)
        sizes.append(_products(in_fold, levers, held))
        parts.append(in_fold)
    gains = {f"{lever}={trades.values[levers[lever]][code]}": each for (lever, code), each in sums.items()}
    return {
        "uplift": _uplift(parts, sizes),
        "weights": {name: asdict(each.result()) for name, each in sorted(gains.items())},
    }


def _positions(trades: Trades) -> dict[str, int]:
    """Return lever -> position of its dimension, for the coefficients whose dimension the trades name."""
    return {
        lever: trades.dimensions.index(name) for lever, name in LEVER_DIMENSIONS.items() if name in trades.dimensions
    }


def _next_weights(known: Trades, levers: Mapping[str, int], as_of: float, fewest: Fewest, held: Held) -> Held:
    """Return the weights in force from a day on, given the trades that had closed and the weights held until then."""
    deciding = DECIDED[known.module]
    if deciding not in known.categories:
        return held
    own = known.take(known.category == known.categories.index(deciding))
    own = own.take(np.lexsort((own.trade, own.cluster)))
    rr, day, _ = units_of(own, np.zeros(len(own), dtype=np.int64))
    if len(rr) == 0:
        return held
    overall = memories(rr, day, np.zeros(len(rr), dtype=np.int64))[0]
    following: Held = {}
    for lever, at in levers.items():
        rr, day, code = units_of(own, own.scope[:, at].astype(np.int64))
        strong = strong_values(day, code, as_of, fewest)
        weights = np.ones(len(held[lever]))
        for value, memory in memories(rr, day, code).items():
            weight = weigh(memory, overall, as_of).weight
            weights[value] = next_weight(float(held[lever][value]), weight, is_enough=value in strong)
        following[lever] = weights
    return following


def units_of(rows: Trades, code: Ints) -> tuple[Floats, Floats, Ints]:
    """Return the outcome in R, the close in days and the value of each unit of `rows` that has a value.

    `code` `(rows,)` numbers the values, -1 for none. The rows are sorted by cluster and trade. A trade counts once for
    a value with the mean of its rows; a cluster once, with the mean of its trades, on the day its last trade closed.
    """
    present = np.flatnonzero(code != MISSING)
    present = present.take(np.argsort(code.take(present), kind="stable"))
    code, cluster, trade = code.take(present), rows.cluster.take(present), rows.trade.take(present)
    outcome, closed = rows.outcome.take(present), rows.closed_at.take(present)
    if len(present) == 0:
        return outcome, outcome, code
    trades = runs(code, cluster, trade)
    of_trades = np.add.reduceat(outcome, trades) / np.diff(np.append(trades, len(outcome)))
    units = runs(code.take(trades), cluster.take(trades))
    of_units = np.add.reduceat(of_trades, units) / np.diff(np.append(units, len(of_trades)))
    first = trades.take(units)
    return of_units, np.maximum.reduceat(closed, first) / DAY, code.take(first)


def _add_gains(sums: dict[tuple[str, int], _Sums], lever: str, code: Ints, weights: Floats, in_fold: Trades) -> None:
    """Add the gains of each weight of a lever in one fold, for the fold's trades with values `code` `(trades,)`.

    Scaling the n_v of n trades by w and dividing by the mean size M = 1 + (w - 1) n_v / n changes the result of a day
    by (1/M - 1) X + (w - 1)/M X_v: X is the day's sum of deviations from the fold's mean outcome, X_v that of its n_v.
    """
    n = len(code)
    if n == 0:
        return
    days, day = np.unique(day_of(in_fold.at), return_inverse=True)
    deviation = in_fold.outcome - in_fold.outcome.mean()
    of_days = np.bincount(day, deviation, len(days))
    counts = np.bincount(code[code != MISSING], minlength=len(weights))
    for value in np.flatnonzero((weights != 1.0) & (counts > 0)).tolist():
        mine = code == value
        weight, own_days = float(weights[value]), day[mine]
        mean_size = 1.0 + (weight - 1.0) * int(counts[value]) / n
        of_value = np.bincount(own_days, deviation[mine], len(days))
        added = sums.setdefault((lever, value), _Sums())
        added.day_gains.append((1.0 / mean_size - 1.0) * of_days + (weight - 1.0) / mean_size * of_value)
        added.n += int(counts[value])
        added.days += len(np.unique(own_days))


def _products(in_fold: Trades, levers: Mapping[str, int], held: Held) -> Floats:
    """Return the coefficient product of each trade `(trades,)`, within the bounds of products."""
    product = np.ones(len(in_fold))
    for lever, at in levers.items():
        code = in_fold.scope[:, at]
        if len(held[lever]):
            product *= np.where(code == MISSING, 1.0, held[lever].take(np.maximum(code, 0)))
    clipped: Floats = np.clip(product, LOWEST, HIGHEST)
    return clipped


def _uplift(parts: list[Trades], sizes: list[Floats]) -> dict[str, Any] | None:
    """Return the uplift of all weights together; see `score`."""
    if not parts:
        return None
    fold = np.repeat(np.arange(len(parts)), [len(each) for each in parts])
    outcome = np.concatenate([each.outcome for each in parts])
    gained = increments(fold, np.concatenate(sizes), outcome)
    band = day_block_band(np.concatenate([day_of(each.at) for each in parts]), gained)
    return None if band is None else asdict(Uplift.of(band))
