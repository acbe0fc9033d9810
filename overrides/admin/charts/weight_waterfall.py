"""The factors of a weight and what each takes away, on a logarithmic scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from overrides.core.impact.weight_breakdown import FactorValue, Weighing
from telemetry.foundation.charts.canvas import LEFT, RIGHT, TOP, WIDTH
from telemetry.foundation.charts.scales import LogScale, Mark

ROW, BAR = 26.0, 16.0
LIGHTEST = 1e-6  # where the scale ends; a factor of 0 reaches it


@dataclass(frozen=True)
class Bar:
    """A row of the waterfall: from the product before a factor down to the product with it."""

    factor: FactorValue
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + BAR / 2

    @property
    def below(self) -> float:
        """The top of the next row: a hairline carries the product down to it."""
        return self.y + ROW


@dataclass(frozen=True)
class Waterfall:
    height: float
    bars: tuple[Bar, ...]
    total: Bar
    floor: float | None
    ticks: tuple[Mark, ...]
    width: float = WIDTH
    left: float = LEFT
    right: float = WIDTH - RIGHT

    @property
    def axis(self) -> float:
        """Where the scale's lines end; its words stand below."""
        return self.total.y + ROW

    @property
    def words(self) -> float:
        return self.axis + 12


def waterfall(weighing: Weighing) -> Waterfall:
    """From 1 on the right, each factor takes its share to the left; what stays must reach past the floor."""
    smallest = max(min(weight for weight in (0.1, weighing.total, weighing.floor) if weight > 0), LIGHTEST)
    decades = math.ceil(-math.log10(smallest) - 1e-9)
    x = LogScale(float(f"1e-{decades}"), 1.0, LEFT, WIDTH - RIGHT)
    bars, before = [], 1.0
    for row, factor in enumerate(weighing.factors):
        bars.append(Bar(factor, x(factor.product), TOP + row * ROW, x(before) - x(factor.product)))
        before = factor.product
    last = FactorValue("w_total", "", weighing.total, weighing.total)
    total = Bar(last, LEFT, TOP + len(bars) * ROW + 4, x(weighing.total) - LEFT)
    floor = x(weighing.floor) if weighing.floor > 0 else None
    return Waterfall(total.y + ROW + 18, tuple(bars), total, floor, x.decades())
