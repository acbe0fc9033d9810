"""Chart of weekly edges, the decay curve of the half-life in use, and the point at which half of it is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from learning.core.plan_method.half_life import initial_edge
from telemetry.foundation.charts.canvas import LEFT, RIGHT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark

TOP, BOTTOM, HEIGHT = 20.0, 172.0, 208.0
POINTS = 80
SMALLEST, LARGEST = 2.5, 8.0  # radius of a dot, by its trades


@dataclass(frozen=True)
class Week:
    """One week: Monday, trades, edge in R, the curve's value, and the position of its dot."""

    monday: date
    n: int
    edge: float
    curve: float
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Fade:
    """The chart; `half_at` is the point at which half of the initial edge is left, if it lies within the weeks."""

    weeks: tuple[Week, ...]
    start: float
    curve: str
    half_at: tuple[float, float] | None
    days: tuple[Mark, ...]
    edges: tuple[Mark, ...]
    zero_y: float
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = BOTTOM
    width: float = WIDTH
    height: float = HEIGHT


def fade(weeks: Sequence[tuple[date, int, float]], half_life: float) -> Fade | None:
    """Return the chart of weeks (Monday, trades, edge in R) with a half-life in days; None if there are no weeks."""
    if not weeks:
        return None
    day = np.array([(monday - weeks[0][0]).days for monday, _, _ in weeks], dtype=np.float64)
    n, edge = np.array([n for _, n, _ in weeks]), np.array([each for _, _, each in weeks])
    start, longest = initial_edge(day, n, edge, half_life), max(float(day[-1]), 7.0)
    x = LinearScale(0.0, longest, LEFT, WIDTH - RIGHT)
    y = LinearScale.around_zero([*edge.tolist(), start], BOTTOM, TOP)

    def curve(at: float) -> float:
        return start * 2 ** (-at / half_life)

    spread = [longest * step / POINTS for step in range(POINTS + 1)]
    return Fade(
        weeks=tuple(
            Week(monday, count, value, curve(at), x(at), y(value), _radius(count, int(n.max())))
            for (monday, count, value), at in zip(weeks, day.tolist(), strict=True)
        ),
        start=start,
        curve=polyline((x(at), y(curve(at))) for at in spread),
        half_at=(x(half_life), y(start / 2)) if half_life <= longest else None,
        days=x.ticks(),
        edges=y.ticks(),
        zero_y=y(0.0),
    )


def _radius(n: int, most: int) -> float:
    """Return the radius of a dot whose area grows with its trades."""
    return SMALLEST + (LARGEST - SMALLEST) * math.sqrt(n / most)


def fade_rows(picture: Fade) -> list[dict[str, Any]]:
    """Return the numbers of the chart as table rows, one for each week."""
    return [
        {"week": week.monday.isoformat(), "n": week.n, "edge_raw": week.edge, "curve": week.curve}
        for week in picture.weeks
    ]
