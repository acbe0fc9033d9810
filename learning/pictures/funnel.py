"""Every cell a run tested, its edge before shrinkage over how precisely it is known: on noise a symmetric cone.

Many points become a raster: squares of the page, darker where more cells fall together, one path for each shade. What
was made a lesson is drawn one by one, with a tail to the edge that is believed of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learning.core.funnel import SIGNIFICANT, precision_of
from learning.core.rows import Bools, Floats, Ints
from overrides.pictures.canvas import WIDTH, Mark

LEFT, RIGHT, TOP = 46.0, 14.0, 14.0
TALL, MINI = 236.0, 150.0  # of the plot, without the words below
WORDS = 36.0
SQUARE = 3
SHADES = 5  # each for twice as many cells in a square as the one before
CURVE_POINTS = 60
COVERED = 0.995  # of the cells lie within the scale; the others are drawn at its edge and counted
ROUND = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Spot:
    """A cell to be told apart: what it is called, where its page is, edge, standard error, edge believed (R)."""

    name: str
    url: str
    raw: float
    se: float
    shrunk: float


@dataclass(frozen=True)
class Placed:
    """A spot with its place, and the height of the edge believed of it."""

    spot: Spot
    x: float
    y: float
    y_shrunk: float


@dataclass(frozen=True)
class Funnel:
    """Paths of the picture; `beyond` cells lie outside its scale and are drawn at its edge."""

    shades: tuple[str, ...]
    dots: str
    tails: str
    spots: tuple[Placed, ...]
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
    """Places for precisions (a logarithmic scale, growing to the right) and edges (zero in the middle)."""

    low: float
    high: float
    largest: float
    bottom: float

    def x(self, precision: Floats) -> Floats:
        share = np.log(np.clip(precision, self.low, self.high) / self.low) / np.log(self.high / self.low)
        place: Floats = LEFT + share * (WIDTH - LEFT - RIGHT)
        return place

    def y(self, edge: Floats) -> Floats:
        middle = (TOP + self.bottom) / 2
        place: Floats = middle - np.clip(edge / self.largest, -1.0, 1.0) * (middle - TOP)
        return place

    def beyond(self, precision: Floats, edge: Floats) -> Bools:
        outside: Bools = (np.abs(edge) > self.largest) | (precision > self.high)
        return outside


def funnel(
    tested: Mapping[str, Sequence[float]] | None, spots: Iterable[Spot] = (), *, mini: bool = False
) -> Funnel | None:
    """The picture of a run's columns n, raw, se, shrunk, emitted (see `BuilderRun.tested`), with spots upon it.

    Small, what the run emitted is like the rest, and the spots alone stand out. None where there is nothing to draw.
    """
    marked = list(spots)
    columns = {name: np.array((tested or {}).get(name, ()), dtype=np.float64) for name in ("raw", "se", "shrunk")}
    raw, se, shrunk = columns["raw"], columns["se"], columns["shrunk"]
    emitted = np.array((tested or {}).get("emitted", ()), dtype=np.bool_)
    marked_raw, marked_se = np.array([each.raw for each in marked]), np.array([each.se for each in marked])
    if len(raw) + len(marked) == 0:
        return None
    bottom = TOP + (MINI if mini else TALL)
    plane = _plane(np.concatenate([raw, marked_raw]), np.concatenate([se, marked_se]), marked_raw, bottom)
    precision = precision_of(se)
    x, y = plane.x(precision), plane.y(raw)
    emphasised = emitted & (not mini)
    return Funnel(
        shades=_raster(x[~emphasised], y[~emphasised]),
        dots="".join(
            f"M{a:.1f} {b:.1f}h0" for a, b in zip(x[emphasised].tolist(), y[emphasised].tolist(), strict=True)
        ),
        tails=_tails(x[emphasised], y[emphasised], plane.y(shrunk[emphasised])),
        spots=_placed(marked, plane),
        upper=_cone(plane, 1.0),
        lower=_cone(plane, -1.0),
        beyond=int(plane.beyond(precision, raw).sum()),
        edges=_edge_marks(plane),
        precisions=_precision_marks(plane),
        zero_y=(TOP + bottom) / 2,
        bottom=bottom,
        height=bottom + WORDS,
    )


def _plane(raw: Floats, se: Floats, always: Floats, bottom: float) -> _Plane:
    """A scale for nearly all cells, and for all that `always` are to lie within it."""
    precision = precision_of(se[se > 0]) if (se > 0).any() else np.array([1.0])
    low, high = float(precision.min()), float(np.quantile(precision, COVERED)) * 1.02
    largest = max(float(np.quantile(np.abs(raw), COVERED)), float(np.abs(always).max(initial=0.0))) * 1.05
    return _Plane(low, max(high, low * 1.5), largest or 1.0, bottom)


def _raster(x: Floats, y: Floats) -> tuple[str, ...]:
    """A path of squares for each shade, from the lightest."""
    across, down = (x - LEFT).astype(np.int64) // SQUARE, (y - TOP).astype(np.int64) // SQUARE
    squares, counts = np.unique(np.stack([down, across]), axis=1, return_counts=True)
    shade = np.minimum(np.log2(counts).astype(np.int64), SHADES - 1)
    return tuple(_squares(squares[:, shade == each]) for each in range(SHADES))


def _squares(at: Ints) -> str:
    corner = f"h{SQUARE}v{SQUARE}h-{SQUARE}z"
    left, top = at[1] * SQUARE + int(LEFT), at[0] * SQUARE + int(TOP)
    return "".join(f"M{a} {b}{corner}" for a, b in zip(left.tolist(), top.tolist(), strict=True))


def _tails(x: Floats, y: Floats, end: Floats) -> str:
    columns = (x.tolist(), y.tolist(), end.tolist())
    return "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in zip(*columns, strict=True) if abs(b - c) >= 0.1)


def _placed(spots: Sequence[Spot], plane: _Plane) -> tuple[Placed, ...]:
    x = plane.x(precision_of(np.array([each.se for each in spots])))
    y, end = (plane.y(np.array([getattr(each, name) for each in spots])) for name in ("raw", "shrunk"))
    columns = zip(spots, x.tolist(), y.tolist(), end.tolist(), strict=True)
    return tuple(Placed(*each) for each in columns)


def _cone(plane: _Plane, side: float) -> str:
    """Where chance alone puts one cell of forty beyond, on this side; from where it enters the scale."""
    enters = min(max(plane.low, SIGNIFICANT / plane.largest), plane.high)
    precision = np.geomspace(enters, plane.high, CURVE_POINTS)
    points = zip(plane.x(precision).tolist(), plane.y(side * SIGNIFICANT / precision).tolist(), strict=True)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _edge_marks(plane: _Plane) -> tuple[Mark, ...]:
    step = max(each for each in _round_numbers(plane.largest / 100, plane.largest) if each <= plane.largest / 2)
    values = np.array([each * step for each in range(-2, 3)])
    return tuple(
        Mark(y, f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "0")
        for value, y in zip(values.tolist(), plane.y(values).tolist(), strict=True)
    )


def _precision_marks(plane: _Plane) -> tuple[Mark, ...]:
    values = np.array([each for each in _round_numbers(plane.low, plane.high) if plane.low <= each <= plane.high])
    return tuple(Mark(x, f"{value:g}") for value, x in zip(values.tolist(), plane.x(values).tolist(), strict=True))


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from at most `low` to at least `high`."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [float(f"{each:g}e{power}") for power in powers for each in ROUND]


def funnel_rows(tested: Mapping[str, Sequence[float]]) -> Iterable[dict[str, Any]]:
    """The picture's numbers, a row a cell."""
    for n, raw, se, shrunk, emitted in zip(
        *(tested[name] for name in ("n", "raw", "se", "shrunk", "emitted")), strict=True
    ):
        yield {"n": n, "raw": raw, "se": se, "precision": 1 / se if se else None, "shrunk": shrunk, "emitted": emitted}
