"""Chart of what was earned: the sum day by day with its always-valid interval, and the exposure-neutral sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from overrides.core.monitoring.earned import Look, Whole
from telemetry.foundation.charts.canvas import LEFT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import signed

HEIGHT, TOP, BOTTOM = 210.0, 16.0, 178.0
RIGHT = 20.0
MOST_POINTS = 400  # of a line: more lie closer than a pixel
ROOM = 1.5  # the scale holds the last interval so many times over; the first ones, far wider, may be cut off


@dataclass(frozen=True)
class EarnedSum:
    """The chart: `band` is a polygon, `total` and `neutral` are lines; `end` is the last sum in R."""

    band: str
    total: str
    neutral: str
    values: tuple[Mark, ...]
    days: tuple[Mark, ...]
    y_zero: float
    end: float
    first_day: str
    last_day: str
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = BOTTOM
    height: float = HEIGHT
    width: float = WIDTH


def earned_sum(found: Whole) -> EarnedSum | None:
    """Return the chart, or None while there are too few days for an interval."""
    looks = thinned(found.looks())
    banded = [(look, look.low, look.high) for look in looks if look.low is not None and look.high is not None]
    if not banded:
        return None
    neutral = thinned(found.neutral_looks())
    first, last = looks[0].day, looks[-1].day
    x = LinearScale(first, max(last, first + 1), LEFT, WIDTH - RIGHT)
    _, low, high = banded[-1]
    half = (high - low) / 2
    sums = [look.total for look in (*looks, *neutral)]
    y = LinearScale.around_zero([*sums, low - (ROOM - 1) * half, high + (ROOM - 1) * half], BOTTOM, TOP)

    def line(points: Iterable[tuple[int, float]]) -> str:
        return polyline((x(day), y(value)) for day, value in points)

    upper = line((look.day, high) for look, _, high in banded)
    lower = line((look.day, low) for look, low, _ in reversed(banded))
    return EarnedSum(
        band=f"{upper} {lower}",
        total=line((look.day, look.total) for look in looks),
        neutral=line((look.day, look.total) for look in neutral),
        values=y.ticks(signed),
        days=tuple(Mark(x(day), date.fromordinal(day).isoformat()) for day in (first, last)),
        y_zero=y(0.0),
        end=looks[-1].total,
        first_day=date.fromordinal(first).isoformat(),
        last_day=date.fromordinal(last).isoformat(),
    )


def thinned(looks: Sequence[Look], most: int = MOST_POINTS) -> list[Look]:
    """Return at most `most` + 1 looks, evenly chosen, the last among them.

    >>> [look.day for look in thinned([Look(day, 0.0, None, None) for day in range(10)], most=4)]
    [0, 3, 6, 9]
    """
    step = -(-len(looks) // most) or 1
    chosen = list(looks[::step])
    return chosen if not looks or chosen[-1] is looks[-1] else [*chosen, looks[-1]]
