"""How much of a mean per trade may be luck: resample whole UTC days, because trades of one day share its market.

A block bootstrap over days (Künsch, Annals of Statistics 1989; the blocks are given, not moving): each draw takes as
many days as there are, with replacement, and every trade of a day as often as its day was drawn. Dependence that lasts
longer than a day is not covered. The generator is seeded, so that the same rows give the same band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 2000
SEED = 20_250_111
LEVEL = 0.95


@dataclass(frozen=True)
class Band:
    """A mean with its percentile band; with fewer than two days low and high are None."""

    mean: float
    low: float | None
    high: float | None
    n: int
    days: int


def day_block_band(
    day: Ints, values: Floats, *, level: float = LEVEL, draws: int = DRAWS, seed: int = SEED
) -> Band | None:
    """Return the mean of `values` (rows,) with its band; `day` (rows,) is the UTC day number of each row.

    None without rows.

    >>> same = day_block_band(np.array([0, 0, 1, 2]), np.full(4, 0.5))
    >>> (same.mean, same.low, same.high, same.n, same.days)
    (0.5, 0.5, 0.5, 4, 3)
    """
    if len(values) == 0:
        return None
    _, sums, counts = day_sums(day, values)
    mean, days = float(sums.sum() / counts.sum()), len(counts)
    if days < 2:
        return Band(mean, None, None, len(values), days)
    drawn = day_draws(days, draws=draws, seed=seed)
    low, high = percentiles((drawn @ sums) / (drawn @ counts), level)
    return Band(mean, float(low), float(high), len(values), days)


def day_sums(day: Ints, values: Floats) -> tuple[Ints, Floats, Ints]:
    """Return the days in order, the sum of each day's values, and the number of its rows, each of shape (days,).

    >>> [column.tolist() for column in day_sums(np.array([7, 5, 7]), np.array([1.0, 2.0, 3.0]))]
    [[5, 7], [2.0, 4.0], [1, 2]]
    """
    days, at = np.unique(day, return_inverse=True)
    sums = np.bincount(at, values, len(days)).astype(np.float64)
    return days, sums, np.bincount(at, minlength=len(days)).astype(np.int64)


def day_draws(days: int, *, draws: int = DRAWS, seed: int = SEED) -> Ints:
    """Return (draws, days): how often each draw takes each day; every row sums to `days` (at least 1)."""
    return np.random.default_rng(seed).multinomial(days, np.full(days, 1.0 / days), size=draws)


def percentiles(drawn: Floats, level: float = LEVEL) -> NDArray[Any]:
    """Return (2, ...): the ends of the middle `level` of the draws along the first axis.

    >>> percentiles(np.arange(101.0), 0.5).tolist()
    [25.0, 75.0]
    """
    tail = (1.0 - level) / 2.0
    return np.quantile(drawn, [tail, 1.0 - tail], axis=0)
