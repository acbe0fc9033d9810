"""Dot strip that compares the lessons found in noise twins with those found in the real outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.foundation.charts.canvas import WIDTH
from telemetry.foundation.charts.scales import LinearScale, Mark, round_values
from telemetry.foundation.core.number_text import plain

LEFT, RIGHT, TOP = 16.0, 16.0, 40.0
DOT, HIGHEST = 11.0, 6  # space of a dot, and the highest stack of dots
WORDS = 30.0


@dataclass(frozen=True)
class Dot:
    """One dot of a stack: the twin's number of lessons, and its position."""

    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Strip:
    """The chart: dots for the twins and a mark for the real number of lessons."""

    dots: tuple[Dot, ...]
    real: int
    x_real: float
    counts: tuple[Mark, ...]
    axis: float
    height: float
    anchor: str
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    width: float = WIDTH


def strip(real: int, twins: Sequence[int]) -> Strip | None:
    """Return the chart of the real number of lessons and those of the twins; None if there are no twins."""
    if not twins:
        return None
    longest = float(max(real, *twins, 4))
    x = LinearScale(0.0, longest, LEFT + DOT / 2, WIDTH - RIGHT - DOT / 2)
    piles = Counter(twins)
    highest = min(max(piles.values()), HIGHEST)
    axis = TOP + highest * DOT
    dots = tuple(
        Dot(count, x(count), axis - DOT / 2 - DOT * place)
        for count, together in sorted(piles.items())
        for place in range(min(together, HIGHEST))
    )
    share = real / longest
    return Strip(
        dots=dots,
        real=real,
        x_real=x(real),
        counts=tuple(Mark(x(each), plain(each)) for each in round_values(0.0, longest) if each == int(each)),
        axis=axis,
        height=axis + WORDS,
        anchor="start" if share < 0.2 else "end" if share > 0.8 else "middle",
    )
