"""A weight against its floor in the size of a word, for lists."""

from __future__ import annotations

from dataclasses import dataclass

from overrides.core.impact.weight_breakdown import Weighing
from telemetry.foundation.charts.scales import LogScale

WIDTH = 56.0
LIGHTEST = 1e-4


@dataclass(frozen=True)
class MiniBar:
    width: float
    floor: float
    whole: float = WIDTH


def mini_bar(weighing: Weighing) -> MiniBar:
    """The weight as a bar and the floor as a position, on the logarithmic scale that the waterfall uses too."""
    x = LogScale(LIGHTEST, 1.0, 0.0, WIDTH)
    return MiniBar(x(weighing.total), x(weighing.floor))
