"""A vertical scale in R that includes zero, with round ticks on both sides of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from telemetry.foundation.charts.canvas import Mark, round_steps


@dataclass(frozen=True)
class Scale:
    """Maps values in [low, high], which includes zero, to heights between `bottom` and `top`."""

    low: float
    high: float
    top: float
    bottom: float

    @classmethod
    def around(cls, values: Iterable[float], top: float, bottom: float, least: float = 1e-9) -> Scale:
        """Return a scale that holds zero and the values, with a margin of 8 % of their range (at least `least`)."""
        known = [*values, 0.0]
        low, high = min(known), max(known)
        air = 0.08 * max(high - low, least)
        return cls(low - air if low < 0 else 0.0, high + air if high > 0 or low == 0 else 0.0, top, bottom)

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def ticks(self) -> tuple[Mark, ...]:
        """Return round values inside the scale, zero among them.

        >>> [(round(tick.at, 6), tick.label) for tick in Scale(0.0, 2.0, 0.0, 100.0).ticks()]
        [(100.0, '0'), (75.0, '0.5'), (50.0, '1'), (25.0, '1.5'), (0.0, '2')]
        """
        step = round_steps(self.high - self.low)[1]
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(Mark(self.y(at * step), _label(at * step)) for at in range(first, last + 1))


def _label(value: float) -> str:
    return f"{value + 0.0:.6g}".replace("-", "\N{MINUS SIGN}")
