"""How many tested cells look like an edge, and how many would by chance (docs/method.md 6.1).

A run stores only some of its cells individually. It counts the others in two ways, so that every tested cell is part of
the chart and of its table: by their units (`Band`) and in squares of the chart's plane (`Squares`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from learning.core.cells.rows import Floats, Ints

SIGNIFICANT = 1.96  # standard errors; by chance 5 % of cells lie beyond them, both sides together
BY_CHANCE = 0.05
FEWEST = (0, 50, 100, 250, 1000)  # units of a cell at which each band begins
LEAST_ERROR = 1e-12  # R; keeps the distance finite for constant outcomes, whose standard error is 0
COVERED = 0.995  # share of cells within the scale; the others are counted at its edge
ACROSS, DOWN = 140, 79  # squares


@dataclass(frozen=True)
class Band:
    """The tested cells with `fewest` to `most` units: counts of all, of those outside the cone, and of lessons."""

    fewest: int
    most: int | None
    cells: int
    outside: int
    emitted: int

    @property
    def by_chance(self) -> float:
        """The number of cells expected outside the cone if no cell had an edge."""
        return BY_CHANCE * self.cells


@dataclass(frozen=True)
class Scale:
    """The plane of a funnel chart: precision from low to high (1 / R, logarithmic) and edges of up to `largest` R."""

    low: float
    high: float
    largest: float

    @classmethod
    def of(cls, raw: Floats, se: Floats) -> Self:
        """Return a scale that covers nearly all of the cells (at least one); both columns are `(cells,)` in R."""
        precision = precision_of(se[se > 0]) if (se > 0).any() else np.array([1.0])
        low, high = float(precision.min()), float(np.quantile(precision, COVERED)) * 1.02
        largest = float(np.quantile(np.abs(raw), COVERED)) * 1.05
        return cls(low, max(high, low * 1.5), largest if largest > LEAST_ERROR else 1.0)

    def extended_to(self, raw: Floats, se: Floats) -> Scale:
        """Return the scale extended to the edges `(cells,)` in R of these cells and to the least precise of them."""
        low = float(precision_of(se).min(initial=self.low))
        return Scale(low, self.high, max(self.largest, float(np.abs(raw).max(initial=0.0)) * 1.05))

    def across(self, precision: Floats) -> Floats:
        """Return the horizontal position of each precision on the plane, 0 (left) to 1.

        >>> Scale(1.0, 100.0, 2.0).across(np.array([1.0, 10.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
        """
        part: Floats = np.log(np.clip(precision, self.low, self.high) / self.low) / np.log(self.high / self.low)
        return part

    def down(self, edge: Floats) -> Floats:
        """Return the vertical position of each edge in R on the plane, 0 (top) to 1.

        >>> Scale(1.0, 100.0, 2.0).down(np.array([9.0, 1.0, 0.0, -2.0])).tolist()
        [0.0, 0.25, 0.5, 1.0]
        """
        part: Floats = (1 - np.clip(edge / self.largest, -1.0, 1.0)) / 2
        return part

    def beyond(self, raw: Floats, se: Floats) -> int:
        """Return how many of the cells `(cells,)` lie outside the plane."""
        return int(((np.abs(raw) > self.largest) | (precision_of(se) > self.high)).sum())


@dataclass(frozen=True, eq=False)
class Squares:
    """Cells counted in equal squares of the plane; the `beyond` cells outside it are counted at its edge.

    counts     (down, across)
    """

    scale: Scale
    counts: Ints
    beyond: int

    @classmethod
    def of(cls, scale: Scale, raw: Floats, se: Floats) -> Self:
        """Return the counts of cells, given their edges and standard errors in R, both `(cells,)`."""
        across, down = scale.across(precision_of(se)), scale.down(raw)
        return cls(scale, count_squares(across, down, (DOWN, ACROSS)), scale.beyond(raw, se))

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Read counts from the JSON form that `to_document` writes."""
        counts = np.array(document["counts"], dtype=np.int64).reshape(-1, document["across"])
        return cls(Scale(document["low"], document["high"], document["largest"]), counts, document["beyond"])

    def to_document(self) -> dict[str, Any]:
        """Return JSON values; the counts are listed row by row from the top left."""
        scale = {"low": self.scale.low, "high": self.scale.high, "largest": self.scale.largest}
        return scale | {
            "across": self.counts.shape[1],
            "counts": self.counts.ravel().tolist(),
            "beyond": self.beyond,
        }

    def centres(self) -> Iterator[tuple[int, float, float]]:
        """Yield, for every square with cells, their number and the precision (1 / R) and edge (R) of its centre."""
        down, across = np.nonzero(self.counts)
        rows, columns = self.counts.shape
        span = np.log(self.scale.high / self.scale.low)
        precision = self.scale.low * np.exp((across + 0.5) / columns * span)
        edge = (1 - 2 * (down + 0.5) / rows) * self.scale.largest
        yield from zip(self.counts[down, across].tolist(), precision.tolist(), edge.tolist(), strict=True)


def precision_of(se: Floats) -> Floats:
    """Return 1 / standard error; a large finite number for a cell whose outcomes are all equal."""
    precision: Floats = 1 / np.maximum(se, LEAST_ERROR)
    return precision


def count_squares(across: Floats, down: Floats, shape: tuple[int, int]) -> Ints:
    """Count the points that fall in each square of a grid of `shape` (down, across).

    `across` and `down` `(points,)` are positions from 0 to 1.

    >>> count_squares(np.array([0.1, 0.2, 1.0]), np.array([0.0, 0.4, 0.9]), (2, 2)).tolist()
    [[2, 0], [0, 1]]
    """
    rows, columns = (
        np.minimum((part * n).astype(np.int64), n - 1) for part, n in zip((down, across), shape, strict=True)
    )
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def squares_of(tested: Mapping[str, Any]) -> Squares | None:
    """Return the cells that a run stores only as counts; None if it stores all, or if an older run dropped them."""
    return Squares.of_document(tested["squares"]) if "squares" in tested else None


def n_stored(tested: Mapping[str, Any]) -> int:
    """Return how many cells a run's document holds, individually or in squares; less than all for older runs only."""
    squares = squares_of(tested)
    return len(tested["n"]) + (0 if squares is None else int(squares.counts.sum()))


def bands(tested: Mapping[str, Any]) -> tuple[Band, ...]:
    """Return the tested cells of a run, counted by units, without empty bands; see `BuilderRun.tested` for the columns.

    If the run does not store all cells individually, its document holds the counts of all of them.

    >>> found = bands({"n": [20, 30, 400], "raw": [1.0, 0.1, -0.5], "se": [0.4, 0.4, 0.1], "emitted": [0, 0, 1]})
    >>> [(band.fewest, band.most, band.cells, band.outside, band.emitted) for band in found]
    [(0, 49, 2, 1, 0), (250, 999, 1, 1, 1)]
    """
    if "bands" in tested:
        return tuple(Band(*row) for row in tested["bands"])
    return tuple(count_bands(*(np.array(tested[name], dtype=np.float64) for name in ("n", "raw", "se", "emitted"))))


def count_bands(n: Floats, raw: Floats, se: Floats, emitted: Floats) -> Iterator[Band]:
    """Yield the non-empty bands of cells, given their units, edges and standard errors (R), and lesson flags (0, 1)."""
    outside, acts = np.abs(raw) > SIGNIFICANT * se, emitted > 0
    ends: Sequence[int | None] = [*FEWEST[1:], None]
    for fewest, end in zip(FEWEST, ends, strict=True):
        within = (n >= fewest) & (n < (np.inf if end is None else end))
        if within.any():
            counts = (int(each.sum()) for each in (within, within & outside, within & acts))
            yield Band(fewest, None if end is None else end - 1, *counts)
