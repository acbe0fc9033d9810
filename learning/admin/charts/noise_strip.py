"""Dot strip that compares the lessons found in noise twins with those found in the real outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.foundation.charts.canvas import WIDTH, Mark, round_steps

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

    def x(count: float) -> float:
        return LEFT + DOT / 2 + count / longest * (WIDTH - LEFT - RIGHT - DOT)

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
        counts=tuple(Mark(x(each), f"{each:g}") for each in round_steps(longest) if each == int(each)),
        axis=axis,
        height=axis + WORDS,
        anchor="start" if share < 0.2 else "end" if share > 0.8 else "middle",
    )
