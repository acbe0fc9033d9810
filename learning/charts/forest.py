"""Forest plot of lessons on one scale: the raw mean and the shrunk edge, each with its interval, and the parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.foundation.charts.scales import LinearScale, Mark

WIDTH, HEIGHT = 300.0, 26.0
LEFT, RIGHT = 8.0, 292.0
RAW_Y, SHRUNK_Y = 8.0, 17.0
CERTAIN = 1.96  # standard deviations of a 95 % interval


@dataclass(frozen=True)
class Estimate:
    """What is known of one edge in R: raw mean and standard error, shrunk mean and sd (None if not shrunk).

    `parent` is the edge of the nearest scope with one dimension less, None if there is none.
    """

    raw: float
    raw_se: float
    shrunk: float | None = None
    sd: float | None = None
    parent: float | None = None

    @property
    def raw_interval(self) -> tuple[float, float]:
        """The 95 % interval of the raw mean."""
        return self.raw - CERTAIN * self.raw_se, self.raw + CERTAIN * self.raw_se

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the shrunk edge; None if the edge is not shrunk."""
        if self.shrunk is None or self.sd is None:
            return None
        return self.shrunk - CERTAIN * self.sd, self.shrunk + CERTAIN * self.sd

    @property
    def exaggeration(self) -> float | None:
        """The ratio of the raw mean to the shrunk edge; None if there is no shrunk edge.

        >>> Estimate(raw=0.6, raw_se=0.1, shrunk=0.2, sd=0.05).exaggeration
        3.0
        """
        return round(self.raw / self.shrunk, 9) if self.shrunk else None


@dataclass(frozen=True)
class Span:
    """A mean with two ends; an end outside the scale is cut off and marked by an arrow."""

    x: float
    x_low: float
    x_high: float
    is_cut_low: bool
    is_cut_high: bool


@dataclass(frozen=True)
class ForestMark:
    """The marks of one row of the forest plot."""

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
    """The chart: its rows and the ticks of its scale."""

    rows: tuple[ForestMark, ...]
    ticks: tuple[Mark, ...]
    x_zero: float
    width: float = WIDTH


def forest(estimates: Sequence[Estimate]) -> Forest | None:
    """Return the rows on one scale that covers every mean and every shrunk interval; None if there are no rows."""
    if not estimates:
        return None
    values = [
        value for each in estimates for value in (each.raw, each.parent, *(each.interval or ())) if value is not None
    ]
    x = LinearScale.around_zero(values, LEFT, RIGHT)
    return Forest(tuple(_row(each, x) for each in estimates), x.ticks(), x(0.0))


def _row(each: Estimate, x: LinearScale) -> ForestMark:
    """Return the marks of one estimate."""
    inside = each.interval
    return ForestMark(
        raw=_span(each.raw, each.raw_interval, x),
        shrunk=None if each.shrunk is None or inside is None else _span(each.shrunk, inside, x),
        x_parent=None if each.parent is None else x(each.parent),
        x_zero=x(0.0),
    )


def _span(mean: float, ends: tuple[float, float], x: LinearScale) -> Span:
    """Return the position of a mean and its interval, cut to the scale."""
    low, high = ends
    return Span(x(mean), x(low), x(high), low < x.low, high > x.high)
