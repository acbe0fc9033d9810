"""An interval of a mean per trade where what days share lasts for days or weeks, valid at every look.

Days that follow each other tell less than days apart. Of D days whose sums stay related for L days, D / L count as
independent: the *stretches*. The interval is the confidence sequence of `overrides.core.monitoring.days`, with
stretches in place of days: one that is looked at anew every day, as a walk-forward is, excludes a true zero sooner or
later if it is made for one look. Below 30 stretches there is none. A log that holds few of them cannot tell a lasting
effect from a spell of one, and L itself is measured too small on it (docs/method.md 7.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.significance.day_dependence import MOST_LAGS
from overrides.core.monitoring.days.confidence_sequence import ALPHA, half_width
from overrides.core.monitoring.days.day_bootstrap import day_sums
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS

FEWEST_STRETCHES = FEWEST_DAYS  # independent days that an asymptotic interval takes


@dataclass(frozen=True)
class StretchInterval:
    """A mean per row in the unit of its values, over so many stretches (above 0); no ends on fewer than 30."""

    mean: float
    low: float | None
    high: float | None
    stretches: float


def stretch_interval(day: Ints, values: Floats, alpha: float = ALPHA) -> StretchInterval | None:
    """Return the mean of `values` `(rows,)` with its interval; `day` `(rows,)` is the UTC day number of each row.

    With N rows on D days, v the mean over days of (sum - mean * rows of the day)^2, L the `run_length` and k = D / L
    stretches, each with the variance v L^2: half = half_width(k, v L^2) k / N. None without rows. Example: 60 days that
    gain and lose by turns are 60 stretches; days that alternate in fives are fewer than 30.

    >>> found = stretch_interval(np.arange(60), np.where(np.arange(60) % 2, 1.5, -0.5))
    >>> found.mean, found.stretches, round(found.low, 3), round(float(half_width(np.array([60.0]), 1.0)[0]), 3)
    (0.5, 60.0, 0.097, 0.403)
    >>> found = stretch_interval(np.arange(60), np.where(np.arange(60) // 5 % 2, 1.5, -0.5))
    >>> round(found.stretches, 1), found.low
    (22.2, None)
    """
    if not len(values):
        return None
    _, sums, counts = day_sums(day, values)
    mean, days, length = float(values.mean()), len(counts), run_length(day, values)
    stretches = days / length
    if stretches < FEWEST_STRETCHES:
        return StretchInterval(mean, None, None, stretches)
    variance = float(np.mean((sums - mean * counts) ** 2)) * length**2
    half = float(half_width(np.array([stretches]), variance, alpha)[0]) * stretches / len(values)
    return StretchInterval(mean, mean - half, mean + half, stretches)


def run_length(day: Ints, values: Floats) -> float:
    """Return by how much days that follow each other raise the variance of a mean over days, at least 1.

    1 + 2 sum of the correlations of the sums of days, by the days between them, up to the last before the first that is
    not positive (Geyer, Statistical Science 1992), at most 30. Days without rows count as 0. Raises ValueError without
    rows. Example: days that gain and lose by turns add nothing; a gain that lasts for half of the time adds much.

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
