"""Geometry of the bars of a value for each day of a week, up from the axis for gains and down for losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from telemetry.foundation.charts.canvas import WIDTH
from telemetry.foundation.core.number_text import signed_fixed

TOP, TALL, LEFT = 24.0, 48.0, 14.0
AXIS = TOP + TALL
HEIGHT = AXIS + TALL + 24.0
SHARE = 0.6  # of a day's width that its bar takes


@dataclass(frozen=True)
class Bar:
    """The bar of one day; no height where there is no value."""

    x: float
    width: float
    y: float
    height: float
    middle: float
    day: str
    words: str
    is_loss: bool


@dataclass(frozen=True)
class DailyChart:
    """The bars of a week with their axis."""

    title: str
    words: str
    bars: tuple[Bar, ...]
    width: float = WIDTH
    height: float = HEIGHT
    axis: float = AXIS
    left: float = LEFT
    right: float = WIDTH - LEFT
    labels: float = HEIGHT - 8.0


def daily_chart(daily: Mapping[str, Any]) -> DailyChart | None:
    """Return the chart of a kept `Daily`; None if no day has a value."""
    values = daily["values"]
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    if largest == 0.0:
        return None
    step = (WIDTH - 2 * LEFT) / len(values)
    bars = tuple(_bar(place, step, day, value, largest, daily["unit"])
                 for place, (day, value) in enumerate(zip(daily["days"], values, strict=True)))  # fmt: skip
    words = "; ".join(f"{bar.day} {bar.words}" for bar in bars)
    return DailyChart(daily["title"], words, bars)


def _bar(place: int, step: float, day: str, value: float | None, largest: float, unit: str) -> Bar:
    x, height = LEFT + place * step + step * (1 - SHARE) / 2, TALL * abs(value or 0.0) / largest
    words = "no share" if value is None else f"{signed_fixed(value, 4)} {unit}"
    is_loss = value is not None and value < 0
    name = f"{date.fromisoformat(day):%a} {day[5:]}"
    return Bar(x, step * SHARE, AXIS if is_loss else AXIS - height, height, x + step * SHARE / 2, name, words, is_loss)
