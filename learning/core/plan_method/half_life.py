"""How fast a cell's edge decays: exponential decay fitted to its weekly edges, shrunk towards a default.

The model is edge(t) = start * 2^(-t / half_life), with t in days from the first week. Each week is weighted by its n
trades, all with the variance of the cell. For any half-life the best start has a closed form, so only one number is
searched, on a logarithmic scale between one hour and one year. It maximises the penalised least squares

    explained(h) / (2 * noise) - (ln(h / default) / ln SPREAD)^2 / 2

The first term is the fit to the data; the second is a log-normal prior around the default with an sd of a factor of
SPREAD. Weeks without information (noise, an edge that changes sign) leave the default; an edge that grows ends at one
year. `noise` is the variance of a trade, or the residual variance of the fit if that is larger, so that one extreme
week does not create false certainty.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Floats, Ints

LEAST_WEEKS = 5
SHORTEST, LONGEST = 1 / 24, 365.0  # days
SPREAD = 2.0
NOISELESS = 1e-12  # relative to the weighted sum of squared edges; anything below is a rounding error
DECIMALS = 4
GRID: Floats = np.linspace(math.log(SHORTEST), math.log(LONGEST), 401)


@dataclass(frozen=True)
class HalfLife:
    """A half-life in days and how it was estimated.

    shrunk      the estimate that a lesson uses; the default if nothing could be fitted
    fitted      the least-squares estimate alone, without the prior
    low, high   95 % interval of the shrunk estimate
    r2          share of the weekly edges' variance that the shrunk curve explains, 0 to 1
    points      weeks with trades
    reason      why the default was used; empty if the half-life was fitted
    """

    shrunk: float
    fitted: float | None
    low: float | None
    high: float | None
    r2: float | None
    points: int
    reason: str

    def to_document(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)


def fit_half_life(day: Floats | Ints, n: Ints, edge: Floats, variance: float, default: float) -> HalfLife:
    """Fit weekly edges in R; `variance` is that of one trade's outcome in R squared, `default` is in days.

    `day` `(weeks,)` is ascending, `n` `(weeks,)` the trades of each week. With fewer than 5 weeks, or no edge in any
    week, the result is the default and a reason. Example: an edge that halves every week, first without noise, then in
    outcomes that vary by 1 R.

    >>> day, n, edge = 7.0 * np.arange(5), np.full(5, 20), np.array([2.0, 1.0, 0.5, 0.25, 0.125])
    >>> fit_half_life(day, n, edge, variance=0.0, default=90.0).shrunk
    7.0
    >>> noisy = fit_half_life(day, n, edge, variance=1.0, default=90.0)
    >>> noisy.fitted, round(noisy.shrunk, 2), round(noisy.low, 1), round(noisy.high, 1)
    (7.0, 8.83, 5.8, 14.6)
    """
    points = len(edge)
    if points < LEAST_WEEKS:
        return _default(default, points, f"{points} of the {LEAST_WEEKS} weeks with trades that a fit needs")
    power = float(np.sum(n * edge * edge))
    if power == 0.0:
        return _default(default, points, "no edge in any week")

    def explained(log_half_life: Floats) -> Floats:
        return _explained(day, n, edge, log_half_life)

    fitted = _argmax(explained)
    unexplained = max(power - float(explained(np.array([fitted]))[0]), 0.0)
    noise = max(variance, unexplained / (points - 2), NOISELESS * power)

    def score(log_half_life: Floats) -> Floats:
        surprise = (log_half_life - math.log(default)) / math.log(SPREAD)
        result: Floats = explained(log_half_life) / (2 * noise) - surprise**2 / 2
        return result

    shrunk = _argmax(score)
    low, high = _interval(score(GRID))
    return HalfLife(
        shrunk=_days(shrunk),
        fitted=_days(fitted),
        low=min(_days(low), _days(shrunk)),
        high=max(_days(high), _days(shrunk)),
        r2=_share_explained(day, n, edge, math.exp(shrunk)),
        points=points,
        reason="",
    )


def initial_edge(day: Floats | Ints, n: Ints, edge: Floats, half_life: float) -> float:
    """Return the edge in R at the first week, of the best-fitting curve with this half-life in days.

    >>> initial_edge(np.array([0, 7]), np.array([10, 10]), np.array([2.0, 1.0]), 7.0)
    2.0
    """
    left = _remaining(day, np.array([math.log(half_life)]))[0]
    return float(np.sum(n * edge * left) / np.sum(n * left * left))


def _default(default: float, points: int, reason: str) -> HalfLife:
    """Return the default half-life with the reason for it."""
    return HalfLife(default, None, None, None, None, points, reason)


def _days(log_half_life: float) -> float:
    """Convert the log of a half-life to days, within the limits and rounded."""
    return round(min(max(math.exp(log_half_life), SHORTEST), LONGEST), DECIMALS)


def _remaining(day: Floats | Ints, log_half_life: Floats) -> Floats:
    """Return the fraction of the first week's edge that is left, shape `(half-lives, weeks)`."""
    rate = math.log(2) / np.exp(log_half_life)
    left: Floats = np.exp(-rate[:, None] * (day - day[0]))
    return left


def _explained(day: Floats | Ints, n: Ints, edge: Floats, log_half_life: Floats) -> Floats:
    """Return the weighted sum of squares explained by the best curve of each half-life, shape `(half-lives,)`."""
    left = _remaining(day, log_half_life)
    explained: Floats = (left @ (n * edge)) ** 2 / (left**2 @ n)
    return explained


def _argmax(of: Callable[[Floats], Floats]) -> float:
    """Return the log half-life that maximises a function: the best grid point, then finer grids around it."""
    grid = GRID
    for _ in range(5):
        best = int(np.argmax(of(grid)))
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 81)
    return float(grid[int(np.argmax(of(grid)))])


def _interval(score: Floats) -> tuple[float, float]:
    """Return the log half-lives between which 95 % of exp(score) lies."""
    mass = np.cumsum(np.exp(score - score.max()))
    low, high = np.interp([0.025, 0.975], mass / mass[-1], GRID)
    return float(low), float(high)


def _share_explained(day: Floats | Ints, n: Ints, edge: Floats, half_life: float) -> float:
    """Return the share of the weekly edges' variance that the curve of this half-life explains, 0 to 1."""
    curve = initial_edge(day, n, edge, half_life) * _remaining(day, np.array([math.log(half_life)]))[0]
    about_mean = float(np.sum(n * (edge - np.average(edge, weights=n)) ** 2))
    about_curve = float(np.sum(n * (edge - curve) ** 2))
    return 0.0 if about_mean == 0.0 else round(max(1.0 - about_curve / about_mean, 0.0), DECIMALS)
