"""Chart of the weight factors: how much each takes away, on a logarithmic scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from overrides.core.impact.weight_breakdown import FactorValue, Weighing
from telemetry.foundation.charts.canvas import LEFT, RIGHT, TOP, WIDTH
from telemetry.foundation.charts.scales import LogScale, Mark

ROW, BAR = 26.0, 16.0
LIGHTEST = 1e-6  # the lower end of the scale; a factor of 0 reaches it


@dataclass(frozen=True)
class Bar:
    """One row: from the product before a factor down to the product with it."""

    factor: FactorValue
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + BAR / 2

    @property
    def below(self) -> float:
        """The top of the next row; a hairline leads down to it."""
        return self.y + ROW


@dataclass(frozen=True)
class Waterfall:
    """The rows of all factors, w_total last, and the floor (None without one)."""

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
        """The lower end of the grid lines; the labels are below it."""
        return self.total.y + ROW

    @property
    def words(self) -> float:
        return self.axis + 12


def waterfall(weighing: Weighing) -> Waterfall:
    """Return the chart: starting from 1 at the right, each factor takes its share; w_total must exceed the floor."""
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
