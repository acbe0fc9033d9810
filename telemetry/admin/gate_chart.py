"""A small chart of one gate in one window: the score at each sample against the threshold in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.gates import is_floor, score_of
from telemetry.foundation.charts.canvas import polyline
from telemetry.foundation.charts.scales import LinearScale
from telemetry.foundation.core.number_text import fixed

WIDTH, HEIGHT, EDGE = 150.0, 46.0, 6.0
ROOM = 0.15  # above and below what is drawn, as a share of its range
LEAST_RANGE = 0.1  # of scores, so that a hair's breadth does not look like a gap
DECIMALS = 2


@dataclass(frozen=True)
class Dot:
    """One sample: its place, whether this gate was open then, and whether the bot acted then."""

    x: float
    y: float
    is_open: bool
    is_entry: bool


@dataclass(frozen=True)
class GateChart:
    """The chart; `reading` says in words what it shows, in short, and `description` in full."""

    lever: str
    reading: str
    description: str
    threshold_y: float
    line: str
    dots: tuple[Dot, ...]
    left: float = EDGE
    right: float = WIDTH - EDGE
    width: float = WIDTH
    height: float = HEIGHT


def gate_chart(
    lever: str,
    threshold: float,
    times: Sequence[datetime],
    scores: Sequence[float],
    span: tuple[datetime, datetime],
    decided: int,
    *,
    is_entered: bool,
) -> GateChart:
    """Return the chart of a lever's gate; `decided` is the number of the sample that decided the window.

    `times` and `scores` belong to the samples, at least one; `span` is the time of the window.
    """
    low, high = min(*scores, threshold), max(*scores, threshold)
    middle, half = (low + high) / 2, max(high - low, LEAST_RANGE) * (0.5 + ROOM)
    x = LinearScale(span[0].timestamp(), max(span[1].timestamp(), span[0].timestamp() + 1), EDGE, WIDTH - EDGE)
    y = LinearScale(middle - half, middle + half, HEIGHT - EDGE, EDGE)
    places = [(x(at.timestamp()), y(score)) for at, score in zip(times, scores, strict=True)]
    passes = [score >= threshold if is_floor(lever) else score <= threshold for score in scores]
    name, least = score_of(lever).upper(), "at least" if is_floor(lever) else "at most"
    reading = f"{name} {fixed(scores[decided], DECIMALS)}, asked {least} {fixed(threshold, DECIMALS)}"
    spread = f"{fixed(min(scores), DECIMALS)} to {fixed(max(scores), DECIMALS)} in {len(scores)} samples"
    return GateChart(
        lever=lever,
        reading=reading,
        description=f"{lever}: {name} from {spread}, asked {least} {fixed(threshold, DECIMALS)}",
        threshold_y=y(threshold),
        line=polyline(places),
        dots=tuple(
            Dot(*place, is_open=passed, is_entry=is_entered and index == decided)
            for index, (place, passed) in enumerate(zip(places, passes, strict=True))
        ),
    )
