"""The scales of every chart: values to positions, linear or logarithmic, and the round values to write beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from telemetry.foundation.core.number_text import plain

INTERVALS = 4  # between round values, at most; two at least
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # times a power of ten
LOG_STEPS = (1, 2, 5)
SMALLEST_SPAN = 1e-300
ROOM = 0.08  # beside the values of a scale, as a share of their range
SLACK = 1e-6  # of a step: a round value at the end of a scale belongs to it, whatever floats make of it


@dataclass(frozen=True)
class Mark:
    """A labelled position on a scale."""

    at: float
    label: str


def round_step(span: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 and 10 times a power of ten that divides a span (> 0) into at most four.

    >>> round_step(100.0), round_step(0.07), round_step(34.0)
    (25.0, 0.02, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(span / INTERVALS))
    return next(each * power for each in STEPS if each * power >= span / INTERVALS * 0.999)


def round_values(low: float, high: float) -> list[float]:
    """Return the multiples of a round step from `low` to `high` (> low), at most five; 0 is one if it lies between.

    >>> round_values(0.0, 100.0), round_values(-12.0, 22.0)
    ([0.0, 25.0, 50.0, 75.0, 100.0], [-10.0, 0.0, 10.0, 20.0])
    """
    step = round_step(high - low)
    first, last = math.ceil(low / step - SLACK), math.floor(high / step + SLACK)
    return [float(f"{step * index:.6g}") + 0.0 for index in range(first, last + 1)]


def round_log_values(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten from `low` (> 0) to `high`.

    >>> round_log_values(0.3, 20.0)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [float(f"{each}e{power}") for power in powers for each in LOG_STEPS]
    return [each for each in values if low <= each <= high]


@dataclass(frozen=True)
class LinearScale:
    """Values from `low` to `high` (> low) on positions from `start` to `end`, which may run backwards.

    A value outside is placed at the nearer end.
    """

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around_zero(
        cls, values: Iterable[float | None], start: float, end: float, *, room: float = ROOM
    ) -> LinearScale:
        """Return a scale that includes the values and 0, with room beyond the values; zeros alone lie in its middle.

        Differences too small to be divided into ticks (below 1e-300) count as none.

        >>> scale = LinearScale.around_zero([-5.0, 15.0, None], 0, 100, room=0.1)
        >>> scale(-7.0), scale(17.0), scale(5.0)
        (0.0, 100.0, 50.0)
        """
        known = [0.0, *(value for value in values if value is not None)]
        low, high = min(known), max(known)
        if high - low < SMALLEST_SPAN:
            return cls(-1.0, 1.0, start, end)
        beyond = room * (high - low)
        return cls(low - beyond * (low < 0), high + beyond * (high > 0), start, end)

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, label: Callable[[float], str] = plain) -> tuple[Mark, ...]:
        """Return the round values of the scale at their positions.

        >>> [(round(tick.at, 6), tick.label) for tick in LinearScale(0.0, 2.0, 100.0, 0.0).ticks()]
        [(100.0, '0'), (75.0, '0.5'), (50.0, '1'), (25.0, '1.5'), (0.0, '2')]
        """
        return tuple(Mark(self(value), label(value)) for value in round_values(self.low, self.high))


@dataclass(frozen=True)
class LogScale:
    """Values from `low` (> 0) to `high` on positions from `start` to `end`: equal factors lie equally far apart.

    A value outside, 0 too, is placed at the nearer end.

    >>> scale = LogScale(0.01, 1.0, 0.0, 100.0)
    >>> scale(0.1), scale(0.0), scale(7.0)
    (50.0, 0.0, 100.0)
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        share = math.log(inside / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def decades(self) -> tuple[Mark, ...]:
        """Return the powers of ten on the scale at their positions.

        >>> [(tick.at, tick.label) for tick in LogScale(0.01, 1.0, 0.0, 100.0).decades()]
        [(0.0, '0.01'), (50.0, '0.1'), (100.0, '1')]
        """
        powers = range(math.ceil(math.log10(self.low) - SLACK), math.floor(math.log10(self.high) + SLACK) + 1)
        values = [float(f"1e{power}") for power in powers]
        return tuple(Mark(self(value), plain(value)) for value in values)
