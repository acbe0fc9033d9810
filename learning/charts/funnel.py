"""Funnel plot of all cells that a run tested: raw edge over precision. Pure noise gives a symmetric cone.

Cells are drawn as a raster: squares that are darker where more cells coincide, one path for each shade. Cells that
became lessons are drawn individually, with a line to their shrunk edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.significance.funnel import (
    ACROSS,
    DOWN,
    SIGNIFICANT,
    Scale,
    Squares,
    count_squares,
    precision_of,
    squares_of,
)
from telemetry.foundation.charts.canvas import WIDTH, polyline
from telemetry.foundation.charts.scales import Mark, round_log_values, round_values
from telemetry.foundation.core.number_text import plain, signed

LEFT, RIGHT, TOP = 46.0, 14.0, 14.0
SQUARE = 3
TALL, MINI = DOWN, 50  # height of the plot in squares, without the labels below
WORDS = 36.0
SHADES = 5  # each shade stands for twice as many cells in a square as the previous one
LEAST = 0.25  # smallest part of a cell that is drawn; splitting a cell over smaller squares never leaves less in each
CURVE_POINTS = 60


@dataclass(frozen=True)
class Spot:
    """A highlighted cell: its label, the address of its page, its edge, standard error and shrunk edge in R."""

    name: str
    url: str
    raw: float
    se: float
    shrunk: float


@dataclass(frozen=True)
class PlacedSpot:
    """A spot with its position, and the height of its shrunk edge."""

    spot: Spot
    x: float
    y: float
    y_shrunk: float


@dataclass(frozen=True)
class Funnel:
    """The chart's paths; `beyond` cells lie outside its scale and are drawn at its edge."""

    shades: tuple[str, ...]
    dots: str
    tails: str
    spots: tuple[PlacedSpot, ...]
    upper: str
    lower: str
    beyond: int
    edges: tuple[Mark, ...]
    precisions: tuple[Mark, ...]
    zero_y: float
    bottom: float
    height: float
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    width: float = WIDTH


@dataclass(frozen=True)
class _Plane:
    """The mapping to chart positions: precision grows to the right, edges have zero in the middle."""

    scale: Scale
    rows: int

    @property
    def bottom(self) -> float:
        """The lower end of the plot."""
        return TOP + SQUARE * self.rows

    def x(self, precision: Floats) -> Floats:
        """Return the horizontal positions of precisions (1 / R)."""
        place: Floats = LEFT + self.scale.across(precision) * (WIDTH - LEFT - RIGHT)
        return place

    def y(self, edge: Floats) -> Floats:
        """Return the vertical positions of edges in R."""
        place: Floats = TOP + self.scale.down(edge) * (self.bottom - TOP)
        return place


def funnel(tested: Mapping[str, Any] | None, spots: Iterable[Spot] = (), *, mini: bool = False) -> Funnel | None:
    """Return the chart of a run's tested cells with highlighted spots, or None if there is nothing to draw.

    `tested` holds the columns n, raw, se, shrunk, emitted (see `BuilderRun.tested`). In the mini chart lessons look
    like other cells, and only the spots are highlighted.
    """
    marked = list(spots)
    columns = {name: np.array((tested or {}).get(name, ()), dtype=np.float64) for name in ("raw", "se", "shrunk")}
    raw, se, shrunk = columns["raw"], columns["se"], columns["shrunk"]
    emitted = np.array((tested or {}).get("emitted", ()), dtype=np.bool_)
    if len(raw) + len(marked) == 0:
        return None
    squares = squares_of(tested or {})
    plane = _Plane(_scale(raw, se, squares, marked), MINI if mini else TALL)
    x, y = plane.x(precision_of(se)), plane.y(raw)
    emphasised = emitted & (not mini)
    return Funnel(
        shades=_shades(_counts(plane, raw[~emphasised], se[~emphasised], squares)),
        dots="".join(
            f"M{a:.1f} {b:.1f}h0" for a, b in zip(x[emphasised].tolist(), y[emphasised].tolist(), strict=True)
        ),
        tails=_tails(x[emphasised], y[emphasised], plane.y(shrunk[emphasised])),
        spots=_placed(marked, plane),
        upper=_cone(plane, 1.0),
        lower=_cone(plane, -1.0),
        beyond=plane.scale.beyond(raw, se) + (0 if squares is None else squares.beyond),
        edges=_edge_marks(plane),
        precisions=_precision_marks(plane),
        zero_y=(TOP + plane.bottom) / 2,
        bottom=plane.bottom,
        height=plane.bottom + WORDS,
    )


def _scale(raw: Floats, se: Floats, squares: Squares | None, marked: Sequence[Spot]) -> Scale:
    """Return a scale for nearly all cells and for all highlighted ones."""
    marked_raw, marked_se = (np.array([getattr(each, name) for each in marked]) for name in ("raw", "se"))
    known = Scale.of(np.append(raw, marked_raw), np.append(se, marked_se)) if squares is None else squares.scale
    return known.extended_to(marked_raw, marked_se)


def _counts(plane: _Plane, raw: Floats, se: Floats, squares: Squares | None) -> Floats:
    """Return the number of cells in each square of the chart; fractional if its squares differ from the run's."""
    scale, shape = plane.scale, (plane.rows, ACROSS)
    counts = count_squares(scale.across(precision_of(se)), scale.down(raw), shape).astype(np.float64)
    if squares is None:
        return counts
    rows, columns = (np.linspace(0, 1, n + 1) for n in squares.counts.shape)
    span = squares.scale
    down = _spread(scale.down((1 - 2 * rows) * span.largest), plane.rows)
    across = _spread(scale.across(span.low * (span.high / span.low) ** columns), ACROSS)
    together: Floats = counts + down.T @ squares.counts @ across
    return together


def _spread(edges: Floats, n: int) -> Floats:
    """Return the share of each interval between edges that falls in each of n equal intervals, `(intervals, n)`.

    `edges` ascend from 0 to 1.

    >>> _spread(np.array([0.0, 0.25, 1.0]), 2).round(6).tolist()
    [[1.0, 0.0], [0.333333, 0.666667]]
    """
    bounds = np.linspace(0, 1, n + 1)
    start, end = np.maximum(edges[:-1, None], bounds[:-1]), np.minimum(edges[1:, None], bounds[1:])
    parts: Floats = np.maximum(end - start, 0.0) / np.diff(edges)[:, None]
    return parts


def _shades(counts: Floats) -> tuple[str, ...]:
    """Return a path of squares for each shade, the lightest first."""
    shade = np.minimum(np.log2(np.maximum(counts, 1) + 1e-6).astype(np.int64), SHADES - 1)
    return tuple(_squares(np.argwhere((shade == each) & (counts >= LEAST)).T) for each in range(SHADES))


def _squares(at: Ints) -> str:
    """Return the path of squares at these row and column numbers."""
    corner = f"h{SQUARE}v{SQUARE}h-{SQUARE}z"
    left, top = at[1] * SQUARE + int(LEFT), at[0] * SQUARE + int(TOP)
    return "".join(f"M{a} {b}{corner}" for a, b in zip(left.tolist(), top.tolist(), strict=True))


def _tails(x: Floats, y: Floats, end: Floats) -> str:
    """Return the path of the lines from raw to shrunk edges."""
    columns = (x.tolist(), y.tolist(), end.tolist())
    return "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in zip(*columns, strict=True) if abs(b - c) >= 0.1)


def _placed(spots: Sequence[Spot], plane: _Plane) -> tuple[PlacedSpot, ...]:
    """Return the spots with their positions."""
    x = plane.x(precision_of(np.array([each.se for each in spots])))
    y, end = (plane.y(np.array([getattr(each, name) for each in spots])) for name in ("raw", "shrunk"))
    columns = zip(spots, x.tolist(), y.tolist(), end.tolist(), strict=True)
    return tuple(PlacedSpot(*each) for each in columns)


def _cone(plane: _Plane, side: float) -> str:
    """Return the cone's line on this side: by chance one cell in forty lies beyond it."""
    enters = min(max(plane.scale.low, SIGNIFICANT / plane.scale.largest), plane.scale.high)
    precision = np.geomspace(enters, plane.scale.high, CURVE_POINTS)
    edge = side * SIGNIFICANT / precision
    return polyline(zip(plane.x(precision).tolist(), plane.y(edge).tolist(), strict=True))


def _edge_marks(plane: _Plane) -> tuple[Mark, ...]:
    """Return the ticks of the edge axis."""
    values = round_values(-plane.scale.largest, plane.scale.largest)
    return tuple(Mark(y, signed(value)) for value, y in zip(values, plane.y(np.array(values)).tolist(), strict=True))


def _precision_marks(plane: _Plane) -> tuple[Mark, ...]:
    """Return the ticks of the precision axis."""
    values = round_log_values(plane.scale.low, plane.scale.high)
    return tuple(Mark(x, plain(value)) for value, x in zip(values, plane.x(np.array(values)).tolist(), strict=True))


def funnel_rows(tested: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield the numbers of the chart: one row for each stored cell, then one for each square of other cells."""
    for n, raw, se, shrunk, emitted in zip(
        *(tested[name] for name in ("n", "raw", "se", "shrunk", "emitted")), strict=True
    ):
        precision = 1 / se if se else None
        yield {"cells": 1, "n": n, "raw": raw, "se": se, "precision": precision, "shrunk": shrunk, "emitted": emitted}
    squares = squares_of(tested)
    for cells, precision, edge in () if squares is None else squares.centres():
        yield {
            "cells": cells, "n": None, "raw": round(edge, 6), "se": round(1 / precision, 6),
            "precision": round(precision, 6), "shrunk": None, "emitted": None,
        }  # fmt: skip
