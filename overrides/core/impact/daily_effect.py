"""The effect of a change on exposure by UTC day, and the band in which its mean over the next 14 days is expected.

The effect of one decision is its change of ln exposure. Decisions of one day share their market, so whole days are the
sample: the band is a prediction interval for a ratio of sums (Cochran, Sampling Techniques, 1977, section 6.4) with
Student's t, widened where neighbouring days go together. The first and the last day are left out where the log is cut
within them. Markets drift, so the band rests on the newest 21 whole days at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import NormalDist, median
from typing import Any

AHEAD = 14  # days that the band is about
LEVEL = 0.90
LEAST_DAYS = 8  # whole days without which there is no band
MOST_DAYS = 21  # newest whole days that the band rests on
MOST_DEPENDENCE = 0.8  # the correlation of neighbouring days that is allowed for
LEAST_DEGREES = 4  # of freedom, however much the days depend on each other
WIDEST = 4  # median deviations of a day from the mean, from the low end of a band to the high one


@dataclass
class DayTotal:
    """The decisions of one day and the sum of their effects (ln exposure)."""

    n: int = 0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class EffectBand:
    """The mean effect of the whole days and its band, all as changes of ln exposure per decision.

    `deviation` is the median distance of a day's mean effect from the mean. `moves_most_days`: the change moves answers
    on more than half of the days; the deviation of other effects is that of a day without one.
    """

    mean: float
    low: float
    high: float
    days: int
    deviation: float
    moves_most_days: bool

    def to_document(self) -> dict[str, Any]:
        """Return the band in percent of exposure, as pages show it."""
        percents = {name: 100 * math.expm1(getattr(self, name)) for name in ("mean", "low", "high")}
        return {
            **percents,
            "days": self.days,
            "deviation": 100 * self.deviation,
            "moves_most_days": self.moves_most_days,
            "ahead": AHEAD,
            "level": LEVEL,
        }


class DailyEffect:
    """Adds up effects by day, then gives the band. With `is_whole`, the first and the last day are whole too."""

    def __init__(self, *, is_whole: bool = False) -> None:
        self._days: dict[date, DayTotal] = {}
        self._is_whole = is_whole

    def add(self, day: date, effect: float) -> None:
        """Add one decision and its change of ln exposure, 0 for a decision that the change does not affect."""
        total = self._days.setdefault(day, DayTotal())
        total.n += 1
        total.total += effect

    @property
    def whole_days(self) -> list[DayTotal]:
        """The newest whole days, in order, 21 at most; a day without decisions says nothing and is left out."""
        days = sorted(self._days) if self._is_whole else whole_days(self._days)
        return [self._days[day] for day in days[-MOST_DAYS:]]

    def band(self) -> EffectBand | None:
        """Return the band, or None with fewer than 8 whole days."""
        return prediction_band(self.whole_days)


def whole_days(days: Iterable[date]) -> list[date]:
    """Return the days between the first and the last, in order: the log is cut within those two."""
    return sorted(set(days))[1:-1]


def prediction_band(days: Sequence[DayTotal], *, ahead: int = AHEAD, level: float = LEVEL) -> EffectBand | None:
    """Return the band that holds the mean effect of the next `ahead` days with probability `level`.

    With days of n_i decisions and sums t_i: mean m = sum t / sum n, residuals e_i = (t_i - m n_i) / mean n, their
    standard deviation s (k - 1 degrees of freedom), and half width t s sqrt((1/ahead + 1/k) (1 + r) / (1 - r)), where r
    is the dependence of neighbouring days, and t has the degrees of freedom of as many independent days: k (1 - r) /
    (1 + r) - 1. A few extraordinary days would make the band wider than a fortnight needs: it spans at most four
    times the `daily_deviation` of the days on which the change moves answers. None with fewer than 8 days.

    >>> band = prediction_band([DayTotal(10, 0.1 + 0.01 * (-1) ** day) for day in range(10)])
    >>> round(band.mean, 6), round(band.low, 6), round(band.high, 6), band.days
    (0.01, 0.0092, 0.0108, 10)
    >>> prediction_band([DayTotal(10, 0.1)] * 7) is None
    True
    """
    k = len(days)
    if k < LEAST_DAYS:
        return None
    decisions = sum(day.n for day in days)
    mean = sum(day.total for day in days) / decisions
    residuals = [(day.total - mean * day.n) * k / decisions for day in days]
    squares = sum(each * each for each in residuals)
    dependence = _dependence(residuals, squares)
    degrees = max(k * (1 - dependence) / (1 + dependence) - 1, LEAST_DEGREES)
    variance = squares / (k - 1) * (1 / ahead + 1 / k) * (1 + dependence) / (1 - dependence)
    half = student_quantile((1 + level) / 2, degrees) * math.sqrt(variance)
    moved = [day for day in days if day.total != 0]
    moves_most_days = 2 * len(moved) > k
    # Where answers move on few days, the median of all days is that of a day without effect, and says nothing of those.
    half = min(half, WIDEST / 2 * daily_deviation(days if moves_most_days else moved, mean))
    return EffectBand(mean, mean - half, mean + half, k, daily_deviation(days, mean), moves_most_days)


def _dependence(residuals: Sequence[float], squares: float) -> float:
    """Return the correlation of neighbouring days, corrected for its bias in short series (Kendall, Biometrika 1954).

    Where it is above 0, half of its standard error is added, because too small a value costs more than too large a one.
    """
    k = len(residuals)
    if squares == 0:
        return 0.0
    together = sum(one * other for one, other in pairwise(residuals)) / squares
    found = (k * together + 1) / (k - 4)
    if found <= 0:
        return 0.0
    found = min(found, MOST_DEPENDENCE)
    return min(found + (1 - found * found) / (2 * math.sqrt(k)), MOST_DEPENDENCE)


def daily_deviation(days: Sequence[DayTotal], mean: float) -> float:
    """Return the median distance of a day's mean effect from `mean`; 0 without days.

    >>> round(daily_deviation([DayTotal(10, 0.1), DayTotal(10, 0.3), DayTotal(10, 0.2)], 0.02), 12)
    0.01
    """
    return median(abs(day.total / day.n - mean) for day in days) if days else 0.0


def student_quantile(p: float, degrees: float) -> float:
    """Return the quantile of Student's t (Abramowitz and Stegun 26.7.5); within .01 from 7 degrees of freedom on.

    >>> round(student_quantile(0.95, 7), 2), round(student_quantile(0.95, 30), 3)
    (1.89, 1.697)
    """
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / degrees**power for power, term in enumerate(terms, start=1))
