"""Whether the edges a learning method predicted came true: predicted against realised, net of each fold's mean.

A rising market lifts every trade of a fold, which is not an edge; both sides are therefore taken net of their fold's
mean. Most of a realised outcome is noise; the slope's standard error says how far to trust the slope.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from learning.core.cells.rows import Floats, Ints
from learning.core.walk_forward.sized_trades import SizedTrades, fold_means
from overrides.core.monitoring.days.day_bootstrap import day_block_band, day_sums
from overrides.core.monitoring.scoring.calibration_bins import CalibrationBin, rows_by_bin

SLOPE_BAR = (0.8, 1.25)
LEAST_SPREAD = 1e-9  # R; below it all predictions count as equal


@dataclass(frozen=True)
class Slope:
    """R realised per R predicted, and its standard error, which allows for dependence of trades within a day."""

    value: float
    se: float | None


def calibration_bins(day: Ints, predicted: Floats, realised: Floats) -> list[CalibrationBin]:
    """Return ten bins by predicted edge, ascending; fewer if many trades share an edge, because ties stay together.

    All columns are `(rows,)`: UTC day, predicted and realised edge in R.
    """
    return [_bin(day[inside], predicted[inside], realised[inside]) for inside in rows_by_bin(predicted)]


def _bin(day: Ints, predicted: Floats, realised: Floats) -> CalibrationBin:
    """Return the bin of these trades."""
    band = day_block_band(day, realised)
    assert band is not None
    return CalibrationBin(band.n, float(predicted.mean()), band.mean, band.low, band.high)


def slope(day: Ints, predicted: Floats, realised: Floats) -> Slope | None:
    """Fit realised to centred predicted edges by least squares; None if the predictions do not differ.

    All columns are `(rows,)`, edges in R. se^2 = D/(D-1) * sum over the D days of (sum over the day's trades of x e)^2
    / (sum of x^2)^2, the sandwich estimator with days as clusters (Liang and Zeger, Biometrika 1986).

    >>> import numpy as np
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


def squared_error_ratio(sized: SizedTrades) -> float | None:
    """Return the mean squared error of the prediction over that of the prior mean; below 1 is better.

    None if there are no trades or the prior mean has no error.
    """
    if len(sized) == 0:
        return None
    error, prior_mean = sized.outcome - sized.baseline - sized.edge, sized.outcome - sized.prior_mean
    whole = float(prior_mean @ prior_mean)
    return float(error @ error) / whole if whole > 0 else None


def calibration(sized: SizedTrades) -> dict[str, Any]:
    """Return bins, slope, whether the slope is within its limits, and the ratio of squared errors, as JSON values."""
    predicted = sized.edge - fold_means(sized.fold, sized.edge) if len(sized) else sized.edge
    realised = sized.outcome - fold_means(sized.fold, sized.outcome) if len(sized) else sized.outcome
    line = slope(sized.day, predicted, realised)
    return {
        "groups": [asdict(each) for each in calibration_bins(sized.day, predicted, realised)],
        "slope": None if line is None else line.value,
        "slope_se": None if line is None else line.se,
        "in_bar": None if line is None else SLOPE_BAR[0] <= line.value <= SLOPE_BAR[1],
        "squared_error_ratio": squared_error_ratio(sized),
    }
