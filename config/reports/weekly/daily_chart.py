"""Geometry of the bars of a value for each day of a week, up from the axis for gains and down for losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from telemetry.foundation.charts.canvas import WIDTH
from telemetry.foundation.core.number_text import decimals_for, signed_fixed

TOP, TALL, LEFT = 40.0, 48.0, 14.0
AXIS = TOP + TALL
HEIGHT = AXIS + TALL + 38.0
ABOVE, BELOW = 4.0, 13.0  # from the end of a bar to the baseline of its value
SHARE = 0.6  # of a day's width that its bar takes


@dataclass(frozen=True)
class Bar:
    """The bar of one day with its value at its end; no height and no value where there is none."""

    x: float
    width: float
    y: float
    height: float
    middle: float
    day: str
    words: str
    is_loss: bool
    value: str
    value_y: float


@dataclass(frozen=True)
class DailyChart:
    """The bars of a week with their axis."""

    title: str
    unit: str
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
    decimals = decimals_for(largest, least=2)
    bars = tuple(_bar(place, step, day, value, largest, decimals, daily["unit"])
                 for place, (day, value) in enumerate(zip(daily["days"], values, strict=True)))  # fmt: skip
    words = "; ".join(f"{bar.day} {bar.words}" for bar in bars)
    return DailyChart(daily["title"], daily["unit"], words, bars)


def _bar(place: int, step: float, day: str, value: float | None, largest: float, decimals: int, unit: str) -> Bar:
    x, height = LEFT + place * step + step * (1 - SHARE) / 2, TALL * abs(value or 0.0) / largest
    words = "no share" if value is None else f"{signed_fixed(value, 4)} {unit}"
    is_loss = value is not None and value < 0
    name = f"{date.fromisoformat(day):%a} {day[5:]}"
    return Bar(
        x=x,
        width=step * SHARE,
        y=AXIS if is_loss else AXIS - height,
        height=height,
        middle=x + step * SHARE / 2,
        day=name,
        words=words,
        is_loss=is_loss,
        value="" if value is None else signed_fixed(value, decimals),
        value_y=AXIS + height + BELOW if is_loss else AXIS - height - ABOVE,
    )
