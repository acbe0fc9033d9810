"""What the bets earned at equal exposure, as sized and at matched tilt.

    uplift per 1,000 trades = 1000 * mean over trades of (m / mean m - 1) (rr - mean rr)

Both means are of the trade's own fold: whoever sizes everything up, or up in one season and down in the next, earns
nothing by it. Taking off the mean outcome changes no total (the first factor adds up to 0 in a fold) and keeps the
market's level out of the band. Reward is linear in size, so a policy that bets bigger looks better: at *matched tilt*
every policy's ln m is scaled to one spread first (statistics sections 2 and 6).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.walk_forward.sized_trades import SizedTrades, mean_within
from overrides.core.monitoring.day_bootstrap import Band, day_block_band

TILT = 0.10  # sd of ln m at matched tilt
PER = 1000.0  # trades an uplift is told for
LEAST_SPREAD = 1e-9  # of ln m; below it a policy has no opinion that could be scaled


@dataclass(frozen=True)
class Uplift:
    """R per 1,000 trades, with the 95 % band of the day-block bootstrap (None over fewer than two days)."""

    mean: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, band: Band) -> Uplift:
        ends = (None if each is None else PER * each for each in (band.low, band.high))
        return cls(PER * band.mean, *ends)


@dataclass(frozen=True)
class Tilt:
    """How far the policy leaned: mean multiplier, mean and sd of its logarithm, extremes, share of trades moved."""

    mean: float
    mean_ln: float
    sd_ln: float
    lowest: float
    highest: float
    moved: float


def increments(fold: Ints, size: Floats, outcome: Floats) -> Floats:
    """(rows,) what sizing by `size` adds to each trade at equal exposure, in R.

    Two trades at 1 R and -1 R, sized 1.1 and 0.9: a tenth of an R each; and a constant size adds nothing.

    >>> fold, outcome = np.zeros(2, dtype=int), np.array([1.0, -1.0])
    >>> increments(fold, np.array([1.1, 0.9]), outcome).round(12).tolist()
    [0.1, 0.1]
    >>> increments(fold, np.array([1.3, 1.3]), outcome).any()
    np.False_
    """
    lean: Floats = size / mean_within(fold, size) - 1.0
    # The mean of equal sizes may differ from them by a bit; that is no lean.
    lean[np.abs(lean) < 1e-15] = 0.0
    return lean * (outcome - mean_within(fold, outcome))


def matched(size: Floats, low: float, high: float, tilt: float = TILT) -> Floats | None:
    """The multipliers with ln m centred and scaled to sd `tilt`, within bounds; None where all are equal.

    >>> matched(np.array([1.01, 0.99, 1.0]), 0.7, 1.3).round(3).tolist()
    [1.13, 0.885, 1.0]
    """
    ln = np.log(size)
    ln -= ln.mean()
    spread = float(ln.std())
    if spread < LEAST_SPREAD:
        return None
    scaled: Floats = np.exp(np.clip(ln * (tilt / spread), math.log(low), math.log(high)))
    return scaled


def uplift(bets: SizedTrades, size: Floats | None) -> Uplift | None:
    """Of the bets sized so; None where there is nothing to size by."""
    if size is None:
        return None
    band = day_block_band(bets.day, increments(bets.fold, size, bets.outcome))
    return None if band is None else Uplift.of(band)


def tilt_of(size: Floats) -> Tilt | None:
    """None of no trades."""
    if len(size) == 0:
        return None
    ln = np.log(size)
    moved = float(np.mean(np.abs(ln) > LEAST_SPREAD))
    return Tilt(float(size.mean()), float(ln.mean()), float(ln.std()), float(size.min()), float(size.max()), moved)


def scores(bets: SizedTrades, low: float, high: float) -> dict[str, Any]:
    """Uplift as sized and at matched tilt, walk-forward and optimistic, with the tilt; JSON values."""
    sizes = {
        "uplift": bets.size,
        "matched": matched(bets.size, low, high) if len(bets) else None,
        "optimistic": bets.optimistic,
        "optimistic_matched": matched(bets.optimistic, low, high) if len(bets) else None,
    }
    found = {name: uplift(bets, size) for name, size in sizes.items()} | {"tilt": tilt_of(bets.size)}
    return {name: None if each is None else asdict(each) for name, each in found.items()}
