"""A bar for lists: an override's weight against its floor."""

from __future__ import annotations

from dataclasses import dataclass

from overrides.core.impact.weight_breakdown import Weighing
from telemetry.foundation.charts.scales import LogScale

WIDTH = 56.0
LIGHTEST = 1e-4


@dataclass(frozen=True)
class MiniBar:
    """The length of a weight and the position of its floor, in SVG units."""

    width: float
    floor: float
    whole: float = WIDTH


def mini_bar(weighing: Weighing) -> MiniBar:
    """Return weight and floor on a logarithmic scale from 1e-4 to 1."""
    x = LogScale(LIGHTEST, 1.0, 0.0, WIDTH)
    return MiniBar(x(weighing.total), x(weighing.floor))
