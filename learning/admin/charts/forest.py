"""Lessons below each other on one scale: the raw mean with its interval, the edge believed with its own, the parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.foundation.charts.canvas import Mark
from telemetry.foundation.charts.scale import Scale

WIDTH, HEIGHT = 300.0, 26.0
LEFT, RIGHT = 8.0, 292.0
RAW_Y, SHRUNK_Y = 8.0, 17.0
CERTAIN = 1.96  # standard deviations of a 95 % interval


@dataclass(frozen=True)
class Estimate:
    """What is known of one edge, in R: raw mean with its standard error, shrunk mean with its sd (None: not shrunk).

    `parent` is what is believed of the same without one of its dimensions, None where nothing is.
    """

    raw: float
    raw_se: float
    shrunk: float | None = None
    sd: float | None = None
    parent: float | None = None

    @property
    def raw_interval(self) -> tuple[float, float]:
        return self.raw - CERTAIN * self.raw_se, self.raw + CERTAIN * self.raw_se

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the edge believed."""
        if self.shrunk is None or self.sd is None:
            return None
        return self.shrunk - CERTAIN * self.sd, self.shrunk + CERTAIN * self.sd

    @property
    def exaggeration(self) -> float | None:
        """How many times the raw mean is the edge believed; None where nothing is believed.

        >>> Estimate(raw=0.6, raw_se=0.1, shrunk=0.2, sd=0.05).exaggeration
        3.0
        """
        return round(self.raw / self.shrunk, 9) if self.shrunk else None


@dataclass(frozen=True)
class Span:
    """A mean between two ends; an end outside the scale is cut, which an arrow tells."""

    x: float
    x_low: float
    x_high: float
    is_cut_low: bool
    is_cut_high: bool


@dataclass(frozen=True)
class ForestMark:
    """One line of the forest."""

    raw: Span
    shrunk: Span | None
    x_parent: float | None
    x_zero: float
    width: float = WIDTH
    height: float = HEIGHT
    raw_y: float = RAW_Y
    shrunk_y: float = SHRUNK_Y


@dataclass(frozen=True)
class Forest:
    rows: tuple[ForestMark, ...]
    ticks: tuple[Mark, ...]
    x_zero: float
    width: float = WIDTH


def forest(estimates: Sequence[Estimate]) -> Forest | None:
    """The rows on one scale that holds every mean and every shrunk interval; None where there are none."""
    if not estimates:
        return None
    held = [
        value for each in estimates for value in (each.raw, each.parent, *(each.interval or ())) if value is not None
    ]
    scale = Scale.around(held, top=RIGHT, bottom=LEFT)  # lying down: its bottom is left
    return Forest(tuple(_row(each, scale) for each in estimates), scale.ticks(), scale.y(0.0))


def _row(each: Estimate, scale: Scale) -> ForestMark:
    inside = each.interval
    return ForestMark(
        raw=_span(each.raw, each.raw_interval, scale),
        shrunk=None if each.shrunk is None or inside is None else _span(each.shrunk, inside, scale),
        x_parent=None if each.parent is None else scale.y(each.parent),
        x_zero=scale.y(0.0),
    )


def _span(mean: float, ends: tuple[float, float], scale: Scale) -> Span:
    low, high = ends
    cut_low, cut_high = max(low, scale.low), min(high, scale.high)
    return Span(scale.y(mean), scale.y(cut_low), scale.y(cut_high), low < scale.low, high > scale.high)
