"""One axis of a chart: values to positions, and round values to label it with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from telemetry.foundation.charts.canvas import Mark, round_steps


@dataclass(frozen=True)
class Axis:
    """Maps values in [low, high] (low < high) to positions from `start` to `end`, which may run backwards."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float | None], start: float, end: float, *, spare: float = 0.06) -> Axis:
        """Return an axis that holds 0 and the values, plus the fraction `spare` of their range as a margin.

        A range of zero length is widened, so that it still has an axis.

        >>> axis = Axis.over([-5.0, 15.0, None], 0, 100, spare=0.1)
        >>> axis(-7.0), axis(17.0), axis(5.0)
        (0.0, 100.0, 50.0)
        """
        known = [0.0, *(value for value in values if value is not None)]
        low, high = min(known), max(known)
        room = spare * (high - low) or 1.0  # all values 0: any range does
        return cls(low - room * (low < 0 or high == low), high + room * (high > 0 or high == low), start, end)

    def __call__(self, value: float) -> float:
        """Return the position of a value; values outside the axis are clipped to its ends."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Round values along the axis, 0 among them; about four on the longer side of 0.

        >>> [mark.label for mark in Axis(-5.0, 40.0, 0, 1).marks]
        ['0', '+10', '+20', '+30', '+40']
        """
        steps = round_steps(max(self.high, -self.low))
        values = sorted({*steps, *(-step for step in steps)})
        return tuple(Mark(self(each), signed(each)) for each in values if self.low <= each <= self.high)


def signed(value: float) -> str:
    """Format a short number with its sign; 0 has none.

    >>> signed(0.25), signed(0.0)
    ('+0.25', '0')
    """
    is_zero = math.isclose(value, 0.0, abs_tol=1e-12)
    return "0" if is_zero else f"{value:+g}".replace("-", "\N{MINUS SIGN}")
