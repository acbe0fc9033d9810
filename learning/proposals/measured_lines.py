"""What lessons measured of lines, as governance compares judgements with it."""

from __future__ import annotations

import math
from collections.abc import Collection

from learning.models import Lesson
from overrides.requests.learned import Measured

Z95 = 1.959964  # the 97.5 % quantile of the normal distribution


def measured_lines(lines: Collection[str]) -> dict[str, Measured]:
    """Return the edge of each line that has a lesson of any status, with its 95 % interval; withdrawn ones included.

    The interval is that of a mean of n trades, before any shrinking.
    """
    found = {}
    for lesson in Lesson.objects.filter(line_id__in=list(lines)).only("line_id", "stats"):
        edge, n, variance = (float(lesson.stats[name]) for name in ("edge_raw", "n", "variance"))
        if n > 0:
            half = Z95 * math.sqrt(variance / n)
            found[lesson.line_id] = Measured(edge, edge - half, edge + half, n)
    return found
