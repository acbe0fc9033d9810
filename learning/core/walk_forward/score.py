"""What the sized trades earned at equal exposure, with sizes as given and at a matched tilt.

    uplift per 1,000 trades = 1000 * mean over trades of (m / mean m - 1) (rr - mean rr)

Both means are those of the trade's own fold, so sizing everything up, or up in one season and down in the next, earns
nothing. Subtracting the mean outcome changes no total (the first factor sums to 0 in a fold) and removes the market's
level from the confidence band. Reward is linear in size, so a method that sizes more boldly looks better. At *matched
tilt* the ln m of every method is first scaled to the same spread (docs/method.md 9.3).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.walk_forward.sized_trades import SizedTrades, fold_means
from overrides.core.monitoring.days.day_bootstrap import Band, day_block_band

TILT = 0.10  # sd of ln m at matched tilt
PER = 1000.0  # number of trades for which an uplift is reported
LEAST_SPREAD = 1e-9  # sd of ln m; below it all sizes count as equal and cannot be scaled


@dataclass(frozen=True)
class Uplift:
    """Uplift in R per 1,000 trades, with the 95 % band of the day-block bootstrap (None for fewer than two days)."""

    mean: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, band: Band) -> Uplift:
        """Scale the band of a mean per trade to 1,000 trades."""
        ends = (None if each is None else PER * each for each in (band.low, band.high))
        return cls(PER * band.mean, *ends)


@dataclass(frozen=True)
class Tilt:
    """How strongly a method changed sizes.

    mean               mean multiplier
    mean_ln, sd_ln     mean and sd of its logarithm
    lowest, highest    extreme multipliers
    moved              share of trades with a multiplier other than 1, 0 to 1
    """

    mean: float
    mean_ln: float
    sd_ln: float
    lowest: float
    highest: float
    moved: float


def increments(fold: Ints, size: Floats, outcome: Floats) -> Floats:
    """Return what `size` adds to each trade at equal exposure, in R, shape `(rows,)`.

    All columns are `(rows,)`. Example: two trades at 1 R and -1 R, sized 1.1 and 0.9, gain a tenth of an R each; a
    constant size adds nothing.

    >>> fold, outcome = np.zeros(2, dtype=int), np.array([1.0, -1.0])
    >>> increments(fold, np.array([1.1, 0.9]), outcome).round(12).tolist()
    [0.1, 0.1]
    >>> increments(fold, np.array([1.3, 1.3]), outcome).any()
    np.False_
    """
    lean: Floats = size / fold_means(fold, size) - 1.0
    # The mean of equal sizes may differ from them by a rounding error.
    lean[np.abs(lean) < 1e-15] = 0.0
    return lean * (outcome - fold_means(fold, outcome))


def matched(size: Floats, low: float, high: float, tilt: float = TILT) -> Floats | None:
    """Return the multipliers with ln m centred and scaled to sd `tilt`, within bounds; None if all are equal.

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


def uplift(sized: SizedTrades, size: Floats | None) -> Uplift | None:
    """Return the uplift of the trades at the given sizes `(rows,)`; None if there are no sizes or no trades."""
    if size is None:
        return None
    band = day_block_band(sized.day, increments(sized.fold, size, sized.outcome))
    return None if band is None else Uplift.of(band)


def tilt_of(size: Floats) -> Tilt | None:
    """Return the tilt of multipliers `(rows,)`; None if there are none."""
    if len(size) == 0:
        return None
    ln = np.log(size)
    moved = float(np.mean(np.abs(ln) > LEAST_SPREAD))
    return Tilt(float(size.mean()), float(ln.mean()), float(ln.std()), float(size.min()), float(size.max()), moved)


def scores(sized: SizedTrades, low: float, high: float) -> dict[str, Any]:
    """Return the tilt and the uplifts as sized and at matched tilt, walk-forward and in-sample, as JSON values."""
    sizes = {
        "uplift": sized.size,
        "matched": matched(sized.size, low, high) if len(sized) else None,
        "optimistic": sized.optimistic,
        "optimistic_matched": matched(sized.optimistic, low, high) if len(sized) else None,
    }
    found = {name: uplift(sized, size) for name, size in sizes.items()} | {"tilt": tilt_of(sized.size)}
    return {name: None if each is None else asdict(each) for name, each in found.items()}
