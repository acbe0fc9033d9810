"""Chart of a lesson's edge as its trades accumulate, within a confidence sequence that is valid at every look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from overrides.core.monitoring.days.confidence_sequence import ConfidenceSequence, confidence_sequence
from telemetry.foundation.charts.canvas import LEFT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import fixed

RIGHT, TOP, BOTTOM, HEIGHT = 16.0, 26.0, 192.0, 218.0
SMALLEST, LARGEST = 2.5, 7.0  # radius of a dot, by its trades
RECENT = timedelta(days=60)
WEEK = timedelta(days=7)
Weeks = Sequence[tuple[date, int, float]]  # Monday, trades, mean edge in R
ROOM = 2.0  # range of the scale in half-widths of the last interval; wider intervals are cut off


@dataclass(frozen=True)
class Frame:
    """The size and margins of the chart."""

    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = BOTTOM

    @property
    def depth(self) -> float:
        return self.bottom - self.top


FULL = Frame()
THUMBNAIL = Frame(width=160.0, height=44.0, left=2.0, right=158.0, top=3.0, bottom=41.0)


@dataclass(frozen=True)
class Week:
    """One week: its trades and mean edge, the running mean with its interval, and the position of its dot."""

    monday: date
    n: int
    edge: float
    n_so_far: int
    mean: float
    low: float
    high: float
    x: float
    y: float
    radius: float
    is_beyond: bool

    @property
    def description(self) -> str:
        """The week in words, for the tooltip of its dot."""
        edge, mean, low, high = (fixed(each, 3) for each in (self.edge, self.mean, self.low, self.high))
        trades = "1 trade" if self.n == 1 else f"{self.n} trades"
        so_far = f"so far {mean} R, {low} to {high}, {self.n_so_far} trades"
        return f"week of {self.monday}: {edge} R from {trades}; {so_far}"


@dataclass(frozen=True)
class Recent:
    """The last 60 days: their position in the chart, their trades, and the mean edge in R, if there are any trades."""

    x: float
    width: float
    n: int
    mean: float | None


@dataclass(frozen=True)
class EdgeSequence:
    """The chart.

    band      the interval as the points of a polygon
    mean      the running mean as the points of a line
    shrunk_edge  heights of the shrunk edge before and within the recent block
    """

    weeks: tuple[Week, ...]
    band: str
    mean: str
    recent: Recent
    shrunk_edge: tuple[float, float] | None
    excludes_zero: bool
    edges: tuple[Mark, ...]
    zero_y: float
    first: str
    last: str
    frame: Frame

    @property
    def final(self) -> Week:
        return self.weeks[-1]


def edge_sequence(
    weeks: Weeks,
    variance: float,
    until: date,
    shrunk_edge: tuple[float, float] | None = None,
    frame: Frame = FULL,
) -> EdgeSequence | None:
    """Return the chart of a lesson's weeks, or None if there are none.

    weeks     (Monday, trades >= 1, mean edge in R), ascending
    variance  per trade in R squared; above that of an outcome where trades move together
    until     the day for which the chart is drawn
    shrunk_edge  the shrunk edge in R before the last 60 days and within them
    """
    if not weeks:
        return None
    n, edge = np.array([n for _, n, _ in weeks], dtype=np.float64), np.array([each for _, _, each in weeks])
    looks = confidence_sequence(n, edge, variance)
    ends = [min(monday + WEEK, max(until, monday)) for monday, _, _ in weeks]  # the current week ends today
    begin, end = weeks[0][0], max(until, ends[-1])
    days = LinearScale(0.0, max((end - begin).days, 7), frame.left, frame.right)

    def x(at: date) -> float:
        return days((at - begin).days)

    y = _scale(looks, edge, shrunk_edge, frame)
    columns = zip(weeks, *(each.tolist() for each in (looks.n, looks.mean, looks.low, looks.high)), ends, strict=True)
    drawn = tuple(
        Week(
            monday, count, value, int(so_far), mean, low, high, x(at), y(value), _radius(count, float(n.max()), frame),
            is_beyond=not y.low <= value <= y.high,
        )
        for (monday, count, value), so_far, mean, low, high, at in columns
    )  # fmt: skip
    back = [(week.x, y(week.low)) for week in reversed(drawn)]
    return EdgeSequence(
        weeks=drawn,
        band=polyline([*((week.x, y(week.high)) for week in drawn), *back]),
        mean=polyline((week.x, y(week.mean)) for week in drawn),
        recent=_recent(weeks, end, x(max(end - RECENT, begin)), frame),
        shrunk_edge=None if shrunk_edge is None else (y(shrunk_edge[0]), y(shrunk_edge[1])),
        excludes_zero=looks.excludes_zero,
        edges=y.ticks(),
        zero_y=y(0.0),
        first=begin.isoformat(),
        last=end.isoformat(),
        frame=frame,
    )


def _scale(looks: ConfidenceSequence, edge: Any, shrunk_edge: tuple[float, float] | None, frame: Frame) -> LinearScale:
    """Return a scale for the last interval with some margin and for most weeks; the first intervals may be cut off."""
    half = float(looks.high[-1] - looks.mean[-1])
    middle = float(looks.mean[-1])
    most = np.quantile(edge, [0.1, 0.9]).tolist()
    inside = [middle - ROOM * half, middle + ROOM * half, *most, *(shrunk_edge or ())]
    return LinearScale.around_zero(inside, frame.bottom, frame.top)


def _recent(weeks: Weeks, end: date, x: float, frame: Frame) -> Recent:
    """Summarise the whole weeks that began within the last 60 days."""
    inside = [(n, edge) for monday, n, edge in weeks if monday >= end - RECENT]
    n = sum(count for count, _ in inside)
    mean = math.fsum(count * edge for count, edge in inside) / n if n else None
    return Recent(x, frame.right - x, n, mean)


def _radius(n: int, most: float, frame: Frame) -> float:
    """Return the radius of a dot whose area grows with its trades."""
    return (SMALLEST + (LARGEST - SMALLEST) * math.sqrt(n / most)) * (1.0 if frame == FULL else 0.35)


def sequence_rows(picture: EdgeSequence) -> list[dict[str, Any]]:
    """Return the numbers of the chart as table rows, one for each week."""
    return [
        {
            "week": week.monday.isoformat(), "n": week.n, "edge": week.edge, "n_so_far": week.n_so_far,
            "mean": week.mean, "low": week.low, "high": week.high,
        }
        for week in picture.weeks
    ]  # fmt: skip
