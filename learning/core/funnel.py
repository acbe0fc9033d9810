"""How many of the cells that were tested look like an edge, and how many would by chance (statistics section 6.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.rows import Floats
from learning.core.tested import LEAST_ERROR

SIGNIFICANT = 1.96  # standard errors; chance alone puts 5 % of cells beyond on either side
BY_CHANCE = 0.05
FEWEST = (0, 50, 100, 250, 1000)  # units of a cell, where a band begins


@dataclass(frozen=True)
class Band:
    """The tested cells of fewest to most units: how many, how many outside the cone, and how many became lessons."""

    fewest: int
    most: int | None
    cells: int
    outside: int
    emitted: int

    @property
    def by_chance(self) -> float:
        """How many would lie outside if no cell had an edge."""
        return BY_CHANCE * self.cells


def precision_of(se: Floats) -> Floats:
    """One over the standard error; of a cell whose outcomes are all alike a large number."""
    precision: Floats = 1 / np.maximum(se, LEAST_ERROR)
    return precision


def bands(tested: Mapping[str, Sequence[float]]) -> tuple[Band, ...]:
    """The columns n, raw, se and emitted of a run (see `BuilderRun.tested`), counted by units; empty bands left out.

    >>> found = bands({"n": [20, 30, 400], "raw": [1.0, 0.1, -0.5], "se": [0.4, 0.4, 0.1], "emitted": [0, 0, 1]})
    >>> [(band.fewest, band.most, band.cells, band.outside, band.emitted) for band in found]
    [(0, 49, 2, 1, 0), (250, 999, 1, 1, 1)]
    """
    return tuple(_bands(tested))


def _bands(tested: Mapping[str, Sequence[float]]) -> Iterator[Band]:
    n, raw, se = (np.array(tested[name], dtype=np.float64) for name in ("n", "raw", "se"))
    outside, emitted = np.abs(raw) > SIGNIFICANT * se, np.array(tested["emitted"], dtype=np.bool_)
    for fewest, end in zip(FEWEST, [*FEWEST[1:], None], strict=True):
        within = (n >= fewest) & (n < (np.inf if end is None else end))
        if within.any():
            counts = (int(each.sum()) for each in (within, within & outside, within & emitted))
            yield Band(fewest, None if end is None else end - 1, *counts)
