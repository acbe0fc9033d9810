"""What all charts share: width, margins for labels, marks and round numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

WIDTH, LEFT, RIGHT = 480.0, 82.0, 66.0
TOP = 18.0


@dataclass(frozen=True)
class Mark:
    """A labelled position on a scale."""

    at: float
    label: str


def round_steps(longest: float) -> list[float]:
    """Return round numbers from 0 to `longest` (> 0) in about four steps.

    >>> round_steps(100), round_steps(0.07)
    ([0.0, 25.0, 50.0, 75.0, 100.0], [0.0, 0.02, 0.04, 0.06])
    """
    power = 10.0 ** math.floor(math.log10(longest / 4))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= longest / 4 * 0.999)
    return [float(f"{step * index:.6g}") for index in range(int(longest / step * 1.000001) + 1)]
