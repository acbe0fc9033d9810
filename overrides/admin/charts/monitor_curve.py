"""Chart of a detector over time: the capital of its bets on a logarithmic axis, and the limit that disables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from overrides.core.monitoring.watching.e_detector import LIMIT
from telemetry.foundation.charts.canvas import LEFT, RIGHT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, LogScale, Mark

HEIGHT, TOP, BOTTOM = 190.0, 14.0, 156.0
LOWEST, HIGHEST = 1.0, 10_000.0


@dataclass(frozen=True)
class MonitorCurve:
    """The curve, where the limit lies, and the marks of both axes; `description` says in words what it shows."""

    points: str
    last: tuple[float, float]
    limit_y: float
    days: tuple[Mark, Mark]
    levels: tuple[Mark, ...]
    description: str
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = BOTTOM
    height: float = HEIGHT
    width: float = WIDTH


def monitor_curve(days: Sequence[tuple[date, float]]) -> MonitorCurve | None:
    """Return the chart of the capital at the end of each day, in order; None for fewer than two days."""
    if len(days) < 2:
        return None
    (first, _), (last, level) = days[0], days[-1]
    x = LinearScale(float(first.toordinal()), float(last.toordinal()), LEFT, WIDTH - RIGHT)
    y = LogScale(LOWEST, HIGHEST, BOTTOM, TOP)
    placed = [(x(float(day.toordinal())), y(value)) for day, value in days]
    return MonitorCurve(
        points=polyline(placed),
        last=placed[-1],
        limit_y=y(LIMIT),
        days=(Mark(placed[0][0], f"{first:%Y-%m-%d}"), Mark(placed[-1][0], f"{last:%Y-%m-%d}")),
        levels=y.decades(),
        description=f"From {first:%Y-%m-%d} to {last:%Y-%m-%d} the evidence that it stopped working came to "
        f"{level:,.0f}; the limit is {LIMIT:,.0f}",
    )
