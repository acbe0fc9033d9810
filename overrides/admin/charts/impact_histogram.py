"""Chart of a lever's distribution before and after a change: after grows up from the axis, before grows down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from overrides.core.impact.measured_levers import MEASURED
from telemetry.foundation.charts.canvas import WIDTH
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import plain

LEFT, RIGHT = 14.0, 14.0
TOP, TALLEST = 28.0, 56.0
AXIS = TOP + TALLEST
HEIGHT = AXIS + TALLEST + 26.0
GAP = 1.0


@dataclass(frozen=True)
class Bin:
    """The number of requests that are served a value from `low` to `high`."""

    x: float
    width: float
    y: float
    height: float
    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Histogram:
    """The two distributions of one lever, and how many of the `requests` are served a changed value."""

    name: str
    requests: int
    changed: int
    before: tuple[Bin, ...]
    after: tuple[Bin, ...]
    ticks: tuple[Mark, ...]
    x_neutral: float
    neutral: float
    top: float = TOP
    axis: float = AXIS
    bottom: float = AXIS + TALLEST
    words: float = HEIGHT - 8.0
    left: float = LEFT
    right: float = WIDTH - RIGHT
    height: float = HEIGHT
    width: float = WIDTH


def histograms(document: Mapping[str, Any]) -> tuple[Histogram, ...]:
    """Return a chart for every lever that anything moves, in the registry's order, then for the coefficient product.

    `document` is the result of a what-if (`overrides.requests.impact.what_if`).
    """
    levers: Mapping[str, Any] = document["levers"]
    return tuple(_histogram(name, levers[name]) for name in MEASURED if name in levers)


def _histogram(name: str, found: Mapping[str, Any]) -> Histogram:
    """Return the chart of one lever; both distributions share the scale of values and the scale of counts."""
    lever, spread = MEASURED[name], found["histogram"]
    edges: Sequence[float] = spread["edges"]
    most = max(*spread["before"], *spread["after"], 1)

    x = LinearScale(edges[0], edges[-1], LEFT, WIDTH - RIGHT)

    def bins(counts: Sequence[int], is_up: bool) -> tuple[Bin, ...]:
        heights = [count / most * TALLEST for count in counts]
        return tuple(
            Bin(
                x=x(low),
                width=max(x(high) - x(low) - GAP, GAP),
                y=AXIS - height if is_up else AXIS,
                height=height,
                count=count,
                low=lever.value_at(low),
                high=lever.value_at(high),
            )
            for (low, high), height, count in zip(pairwise(edges), heights, counts, strict=True)
            if count
        )

    ends = [] if len(edges) == 2 else [edge for edge in (edges[0], edges[-1]) if edge != 0]
    return Histogram(
        name=name,
        requests=found["requests"],
        changed=found["changed"],
        before=bins(spread["before"], is_up=False),
        after=bins(spread["after"], is_up=True),
        ticks=tuple(Mark(x(edge), plain(lever.value_at(edge), 4)) for edge in ends),
        x_neutral=x(0.0),
        neutral=lever.neutral,
    )
