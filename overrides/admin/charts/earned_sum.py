"""Chart of what was earned: the sum day by day with its always-valid interval, and the exposure-neutral sum."""

from __future__ import annotations

from collections.abc import Sequence

from overrides.core.monitoring.earning.earned import Look, Whole
from telemetry.foundation.charts.growing_sum import GrowingSum, growing_sum

MOST_POINTS = 400  # of a line: more lie closer than a pixel
ROOM = 1.5  # the scale holds the last interval so many times over; the first ones, far wider, may be cut off


def earned_sum(found: Whole) -> GrowingSum | None:
    """Return the chart, or None while there are too few days for an interval."""
    looks, neutral = thinned(found.looks()), thinned(found.neutral_looks())
    low = [(look.day, look.low) for look in looks if look.low is not None]
    high = [(look.day, look.high) for look in looks if look.high is not None]
    if not low or not high:
        return None
    beyond = (ROOM - 1) * (high[-1][1] - low[-1][1]) / 2
    sums = [look.total for look in (*looks, *neutral)]
    return growing_sum(
        [(look.day, look.total) for look in looks],
        low,
        high,
        [(look.day, look.total) for look in neutral],
        [*sums, low[-1][1] - beyond, high[-1][1] + beyond],
    )


def thinned(looks: Sequence[Look], most: int = MOST_POINTS) -> list[Look]:
    """Return at most `most` + 1 looks, evenly chosen, the last among them.

    >>> [look.day for look in thinned([Look(day, 0.0, None, None) for day in range(10)], most=4)]
    [0, 3, 6, 9]
    """
    step = -(-len(looks) // most) or 1
    chosen = list(looks[::step])
    return chosen if not looks or chosen[-1] is looks[-1] else [*chosen, looks[-1]]
