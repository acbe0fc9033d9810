"""Chart of predicted against realised edges: bins with their intervals, the ideal diagonal and the fitted slope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry.foundation.charts.canvas import LEFT, WIDTH
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import signed

HEIGHT, TOP, BOTTOM = 250.0, 16.0, 212.0
RIGHT = 20.0


@dataclass(frozen=True)
class Dot:
    """One calibration bin: its position, the ends of its interval, and its description."""

    x: float
    y: float
    y_low: float
    y_high: float
    description: str


@dataclass(frozen=True)
class Calibration:
    """The chart. `ideal` is the line realised = predicted, `slope` the fitted line; both as x1, y1, x2, y2."""

    dots: tuple[Dot, ...]
    ideal: tuple[float, float, float, float]
    slope: tuple[float, float, float, float] | None
    predicted: tuple[Mark, ...]
    realised: tuple[Mark, ...]
    x_zero: float
    y_zero: float
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = BOTTOM
    height: float = HEIGHT
    width: float = WIDTH


def calibration_chart(calibration: Mapping[str, Any]) -> Calibration | None:
    """Return the chart of a calibration; None if all predictions were alike.

    `calibration` has `groups`, a list of dicts with the fields of `CalibrationBin`, and `slope`, a number or None.
    """
    groups = calibration["groups"]
    if len(groups) < 2:
        return None
    x = LinearScale.around_zero([each["predicted"] for each in groups], LEFT, WIDTH - RIGHT)
    y = LinearScale.around_zero([each[name] for each in groups for name in ("low", "realised", "high")], BOTTOM, TOP)
    return Calibration(
        dots=tuple(_dot(each, x, y) for each in groups),
        ideal=_line(1.0, x, y),
        slope=None if calibration["slope"] is None else _line(calibration["slope"], x, y),
        predicted=x.ticks(signed),
        realised=y.ticks(signed),
        x_zero=x(0.0),
        y_zero=y(0.0),
    )


def _line(slope: float, x: LinearScale, y: LinearScale) -> tuple[float, float, float, float]:
    """Return a line of this slope through the origin, within the range of both axes."""
    low, high = x.low, x.high
    if slope:
        ends = sorted((y.low / slope, y.high / slope))
        low, high = max(low, ends[0]), min(high, ends[1])
    return x(low), y(slope * low), x(high), y(slope * high)


def _dot(group: Mapping[str, Any], x: LinearScale, y: LinearScale) -> Dot:
    """Return the dot of a bin."""
    low, high = (group["realised"] if group[end] is None else group[end] for end in ("low", "high"))
    predicted, realised = (signed(round(group[name], 4)) for name in ("predicted", "realised"))
    return Dot(
        x=x(group["predicted"]),
        y=y(group["realised"]),
        y_low=y(low),
        y_high=y(high),
        description=f"{group['n']:,} trades: predicted {predicted} R, realised {realised} R",
    )
