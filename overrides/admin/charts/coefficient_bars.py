"""Charts of a coefficient: a bar for lists and the history by version; logarithmic, so that x2 and /2 mirror."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from overrides.core.engine.definitions.coefficients import HIGHEST, LOWEST
from telemetry.foundation.charts.canvas import WIDTH, polyline
from telemetry.foundation.charts.scales import LogScale, Mark
from telemetry.foundation.core.number_text import plain

BAR_WIDTH = 96.0
LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 44.0, 64.0, 14.0, 134.0, 160.0
GRID = (0.5, 0.7, 1.0, 1.4, 2.0)
MOST_NAMED = 8  # labels of versions below the axis


@dataclass(frozen=True)
class WeightBar:
    """A bar from 1 to a weight; `served` is the position of the weight that it is compared with."""

    x: float
    width: float
    served: float
    is_up: bool
    one: float = BAR_WIDTH / 2
    whole: float = BAR_WIDTH


def weight_bar(weight: float, served: float) -> WeightBar:
    """Return the bar of a weight and the position of the served weight; both are cut to the bounds of coefficients.

    >>> bar = weight_bar(2.0, 0.5)
    >>> bar.x, bar.width, bar.served, bar.is_up
    (48.0, 48.0, 0.0, True)
    """
    scale = LogScale(LOWEST, HIGHEST, 0.0, BAR_WIDTH)
    at, one = scale(weight), scale(1.0)
    return WeightBar(min(at, one), abs(at - one), scale(served), weight >= 1)


@dataclass(frozen=True)
class CoefficientHistory:
    """The steps of a coefficient by version, each up to the next version.

    `dot` is the position of the current value.
    """

    points: str
    dot: tuple[float, float]
    last: str
    fresh: Mark
    levels: tuple[Mark, ...]
    versions: tuple[Mark, ...]
    one: float
    left: float = LEFT
    right: float = WIDTH - RIGHT
    width: float = WIDTH
    height: float = HEIGHT
    bottom: float = BOTTOM


def weight_track(versions: Sequence[tuple[int, float]], fresh: float) -> CoefficientHistory | None:
    """Return the history of (version number, served weight) pairs, oldest first; None without any.

    `fresh` is the weight that the current facts give.

    >>> track = weight_track([(3, 1.0), (5, 2.0)], 0.5)
    >>> track.points, track.fresh.at
    ('44.0,74.0 209.0,74.0 209.0,14.0 374.0,14.0', 134.0)
    """
    if not versions:
        return None
    wide = (WIDTH - RIGHT - LEFT - 42) / len(versions)
    y = LogScale(LOWEST, HIGHEST, BOTTOM, TOP)
    points, at = [], LEFT
    for _, weight in versions:
        points += [(at, y(weight)), (at + wide, y(weight))]
        at += wide
    every = math.ceil(len(versions) / MOST_NAMED)
    return CoefficientHistory(
        points=polyline(points),
        dot=points[-1],
        last=f"{versions[-1][1]:.3f}",
        fresh=Mark(y(fresh), f"{fresh:.3f}"),
        levels=tuple(Mark(y(level), plain(level)) for level in GRID),
        versions=tuple(
            Mark(LEFT + (index + 0.5) * wide, str(number))
            for index, (number, _) in enumerate(versions)
            if index % every == 0
        ),
        one=y(1.0),
    )
