"""Chart of a sum that grows day by day: the sum with its band, and beside it, dashed, the same sum in another way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from telemetry.foundation.charts.canvas import LEFT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import signed

HEIGHT, TOP, BOTTOM = 210.0, 16.0, 178.0
RIGHT = 20.0

Points = Sequence[tuple[int, float]]  # ordinals of days in order, and values


@dataclass(frozen=True)
class GrowingSum:
    """The chart: `band` is a polygon, `total` and `beside` are lines; `end` is the last total."""

    band: str
    total: str
    beside: str
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


def growing_sum(total: Points, low: Points, high: Points, beside: Points, span: Iterable[float]) -> GrowingSum:
    """Return the chart of at least one total, with the ends of its band; the scale holds 0 and the values of `span`."""
    first, last = total[0][0], total[-1][0]
    x = LinearScale(first, max(last, first + 1), LEFT, WIDTH - RIGHT)
    y = LinearScale.around_zero(span, BOTTOM, TOP)

    def line(points: Iterable[tuple[int, float]]) -> str:
        return polyline((x(day), y(value)) for day, value in points)

    ends = [date.fromordinal(day) for day in ((first, last) if last > first else (first,))]
    return GrowingSum(
        band=f"{line(high)} {line(reversed(low))}",
        total=line(total),
        beside=line(beside),
        values=y.ticks(signed),
        days=tuple(Mark(x(day.toordinal()), day.isoformat()) for day in ends),
        y_zero=y(0.0),
        end=total[-1][1],
        first_day=ends[0].isoformat(),
        last_day=ends[-1].isoformat(),
    )
