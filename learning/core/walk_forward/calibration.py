"""Whether the edges a policy expected came true: predicted against realised, over the mean of each fold.

A market that rises lifts every trade of a fold; that is no edge, so both sides are taken over their fold's mean.
Realised outcomes are noise for the most part: the slope's standard error says how far to trust it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.walk_forward.sized_trades import SizedTrades, mean_within
from overrides.core.monitoring.day_bootstrap import day_block_band, day_sums

GROUPS = 10
SLOPE_BAR = (0.8, 1.25)
LEAST_SPREAD = 1e-9  # R; below it a policy predicts the same for all


@dataclass(frozen=True)
class CalibrationBin:
    """Trades of about the same predicted edge: mean predicted, mean realised and its 95 % interval, in R."""

    n: int
    predicted: float
    realised: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Slope:
    """R realised per R predicted, and its standard error with trades of a day moving together."""

    value: float
    se: float | None


def groups(day: Ints, predicted: Floats, realised: Floats) -> list[CalibrationBin]:
    """Ten groups by predicted edge, fewer where many trades share one (ties stay together), in rising order."""
    if len(predicted) == 0:
        return []
    cuts = np.unique(np.quantile(predicted, np.arange(1, GROUPS) / GROUPS))
    place = np.searchsorted(cuts, predicted, side="left")
    return [_group(day[inside], predicted[inside], realised[inside]) for inside in _members(place)]


def _members(place: Ints) -> list[Ints]:
    return [np.flatnonzero(place == each) for each in np.unique(place).tolist()]


def _group(day: Ints, predicted: Floats, realised: Floats) -> CalibrationBin:
    band = day_block_band(day, realised)
    assert band is not None
    return CalibrationBin(band.n, float(predicted.mean()), band.mean, band.low, band.high)


def slope(day: Ints, predicted: Floats, realised: Floats) -> Slope | None:
    """Least squares of realised on predicted, both centred; None where the predictions do not differ.

    se^2 = D/(D-1) * sum over the D days of (sum over the day's trades of x e)^2 / (sum of x^2)^2, the sandwich with
    days as clusters (Liang and Zeger, Biometrika 1986).

    >>> x = np.array([-1.0, 1.0, -2.0, 2.0])
    >>> found = slope(np.array([0, 0, 1, 1]), x, 0.5 * x)
    >>> (found.value, found.se)
    (0.5, 0.0)
    """
    x, y = predicted - predicted.mean() if len(predicted) else predicted, realised
    squares = float(x @ x)
    if len(x) == 0 or math.sqrt(squares / len(x)) < LEAST_SPREAD:
        return None
    value = float(x @ y) / squares
    _, sums, counts = day_sums(day, x * (y - y.mean() - value * x))
    days = len(counts)
    se = math.sqrt(days / (days - 1) * float(sums @ sums)) / squares if days > 1 else None
    return Slope(value, se)


def squared_error_ratio(bets: SizedTrades) -> float | None:
    """Mean squared error of what was expected over that of the mean known without learning; below 1 is better."""
    if len(bets) == 0:
        return None
    error, nothing = bets.outcome - bets.baseline - bets.edge, bets.outcome - bets.nothing
    whole = float(nothing @ nothing)
    return float(error @ error) / whole if whole > 0 else None


def calibration(bets: SizedTrades) -> dict[str, Any]:
    """Groups, slope, whether the slope is in its bar, and the ratio of squared errors; JSON values."""
    predicted = bets.edge - mean_within(bets.fold, bets.edge) if len(bets) else bets.edge
    realised = bets.outcome - mean_within(bets.fold, bets.outcome) if len(bets) else bets.outcome
    line = slope(bets.day, predicted, realised)
    return {
        "groups": [asdict(each) for each in groups(bets.day, predicted, realised)],
        "slope": None if line is None else line.value,
        "slope_se": None if line is None else line.se,
        "in_bar": None if line is None else SLOPE_BAR[0] <= line.value <= SLOPE_BAR[1],
        "squared_error_ratio": squared_error_ratio(bets),
    }
