"""A weight against its floor in the size of a word, for lists."""

from __future__ import annotations

import math
from dataclasses import dataclass

from overrides.core.impact.weight_breakdown import Weighing

WIDTH = 56.0
DECADES = 4  # from 0.0001 to 1


@dataclass(frozen=True)
class MiniBar:
    width: float
    floor: float
    whole: float = WIDTH


def mini_bar(weighing: Weighing) -> MiniBar:
    return MiniBar(_x(weighing.total), _x(weighing.floor))


def _x(weight: float) -> float:
    """A weight on the logarithmic scale that the waterfall uses too.

    >>> _x(1.0), _x(0.01), _x(0.0)
    (56.0, 28.0, 0.0)
    """
    lightest = 10.0**-DECADES
    return WIDTH * (1 + math.log10(max(weight, lightest)) / DECADES)
