"""How many days an interval over days needs until it can show a mean of a given size, at the rate so far."""

from __future__ import annotations

import numpy as np

from overrides.core.monitoring.days.confidence_sequence import ALPHA, half_width
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums

MOST_DAYS = 36_525  # a hundred years: more than that is never
DAYS_A_MONTH = 365.25 / 12


def days_needed(sums: DaySums, effect: float, alpha: float = ALPHA) -> int | None:
    """Return after how many days in all half the interval's width is at most |effect| (R per trade).

    The variance of a day and its number of trades stay as they are so far. The width falls with the square root of the
    days, and a little slower by its logarithm, so the interval's own formula is solved rather than that rule. Never
    below `FEWEST_DAYS`. None if there is no variance to go by (no trade), no effect, or it would take over a hundred
    years. 40 days of two trades with v = 1 have half a width of 0.2561 R (`DaySums.interval`); for half of
    that it takes 141 days:

    >>> sums = DaySums()
    >>> for total in [1.5, -0.5] * 20:
    ...     sums = sums.plus(total, 2)
    >>> days_needed(sums, 0.2562), days_needed(sums, 0.128), days_needed(sums, 0.0)
    (40, 141, None)
    """
    variance = sums.variance
    if variance is None or effect == 0:
        return None
    days = np.arange(float(FEWEST_DAYS), float(MOST_DAYS + 1))
    enough = half_width(days, variance, alpha) <= abs(effect) * sums.trades / sums.days
    return int(days[int(np.argmax(enough))]) if enough[-1] else None
