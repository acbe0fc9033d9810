"""Lessons found in outcomes without edges as dots on one line, and those found in the outcomes as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.foundation.charts.canvas import WIDTH, Mark, round_steps

LEFT, RIGHT, TOP = 16.0, 16.0, 40.0
DOT, HIGHEST = 11.0, 6  # a dot's room, and how many stand above each other at most
WORDS = 30.0


@dataclass(frozen=True)
class Dot:
    """The twins of one count: how many dots stand above each other there."""

    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Strip:
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
    """The count of lessons, and those of the twins; None before there is a twin."""
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
