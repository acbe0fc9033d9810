"""Chart of a lesson over all runs: edge, weight, targets and status over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from learning.core.lesson_levers import LEVER_NAMES
from learning.models import LessonHistory
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.foundation.charts.canvas import LEFT, RIGHT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import plain

ROW, TOP, GAP, RIBBON = 62.0, 22.0, 26.0, 12.0
HOUR = timedelta(hours=1)
DIGITS = 3  # of a number beside the line


@dataclass(frozen=True)
class LessonHistoryRow:
    """One quantity as a step line: a run's value holds until the next run that changed it."""

    name: str
    line: str
    dots: tuple[tuple[float, float, str], ...]
    low: Mark
    high: Mark
    zero_y: float
    label_y: float
    last: str


@dataclass(frozen=True)
class Stretch:
    """A period with one status."""

    x: float
    width: float
    status: str
    label: str


@dataclass(frozen=True)
class LessonHistoryChart:
    """The chart: one row for each quantity, and a ribbon of statuses."""

    rows: tuple[LessonHistoryRow, ...]
    stretches: tuple[Stretch, ...]
    ribbon_y: float
    first: str
    until: str
    height: float
    left: float = LEFT
    right: float = WIDTH - RIGHT
    width: float = WIDTH


def lesson_history_chart(history: Sequence[LessonHistory], until: datetime) -> LessonHistoryChart | None:
    """Return the chart of one lesson's history, oldest first, up to `until`; None if there is no history."""
    if not history:
        return None
    first, last = history[0].at, max(until, history[-1].at)
    hours = LinearScale(0.0, max((last - first) / HOUR, 1.0), LEFT, WIDTH - RIGHT)

    def x(at: datetime) -> float:
        return hours((at - first) / HOUR)

    columns = {"edge, R": [each.edge_raw for each in history], "weight": [each.weight for each in history]}
    columns |= _from_neutral(history)
    at = [x(each.at) for each in history]
    rows = tuple(
        _row(name, values, at, x(last), TOP + index * (ROW + GAP))
        for index, (name, values) in enumerate(columns.items())
    )
    ribbon_y = TOP + len(rows) * (ROW + GAP)
    return LessonHistoryChart(
        rows=rows,
        stretches=_stretches(history, at, x(last)),
        ribbon_y=ribbon_y,
        first=f"{first:%Y-%m-%d}",
        until=f"{last:%Y-%m-%d}",
        height=ribbon_y + RIBBON + 26.0,
    )


def _from_neutral(history: Sequence[LessonHistory]) -> dict[str, list[float]]:
    """Return every lever the lesson ever moved, as its distance from neutral in the lever's units."""
    names = [name for name in LEVERS if any(name in _levers(each) for each in history)]
    return {
        f"{name}, from neutral": [LEVERS[name].unit(_levers(each).get(name, LEVERS[name].neutral)) for each in history]
        for name in names
    }


def _levers(row: LessonHistory) -> dict[str, float]:
    """Return lever -> target of one history row."""
    return {LEVER_NAMES.get(name, name): target for name, target in row.targets.items()}


def _row(name: str, values: Sequence[float], at: Sequence[float], end: float, top: float) -> LessonHistoryRow:
    """Return the step line of one quantity."""
    scale = LinearScale.around_zero(values, top + ROW, top)
    y = [scale(value) for value in values]
    steps = [(at[0], y[0])]
    for (_, before), (place, after) in pairwise(zip(at, y, strict=True)):
        steps += [(place, before), (place, after)]
    steps.append((end, y[-1]))
    return LessonHistoryRow(
        name=name,
        line=polyline(steps),
        dots=tuple((place, height, plain(value, DIGITS)) for place, height, value in zip(at, y, values, strict=True)),
        low=Mark(scale.start, plain(scale.low, DIGITS)) if any(values) else Mark(scale(0.0), "0"),
        high=Mark(scale.end, plain(scale.high, DIGITS) if any(values) else ""),  # a history of zeros has no scale
        zero_y=scale(0.0),
        label_y=top - 8,
        last=plain(values[-1], DIGITS),
    )


def _stretches(history: Sequence[LessonHistory], at: Sequence[float], end: float) -> tuple[Stretch, ...]:
    """Return the periods of equal status."""
    stretches: list[Stretch] = []
    for row, begin, until in zip(history, at, [*at[1:], end], strict=True):
        before = stretches[-1] if stretches else None
        if before is not None and before.status == row.status:
            stretches[-1] = Stretch(before.x, until - before.x, before.status, before.label)
        else:
            stretches.append(
                Stretch(begin, until - begin, row.status, f"{row.get_status_display()} from {row.at:%Y-%m-%d}")
            )
    return tuple(stretches)


def history_rows(history: Sequence[LessonHistory]) -> list[dict[str, Any]]:
    """Return the history as table rows, oldest first."""
    return [
        {
            "at": each.at.isoformat(),
            "status": each.status,
            "edge_raw": each.edge_raw,
            "n": each.n,
            "weight": each.weight,
            "half_life_days": each.half_life_days,
            "targets": each.targets,
        }
        for each in history
    ]
