"""Every cell that a run tested, lessons included: the data of a funnel plot (docs/method.md 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints
from learning.core.significance.funnel import LEAST_ERROR, Scale, Squares, count_bands

MOST = 2_000  # cells stored individually
DECIMALS = 6


@dataclass(frozen=True, eq=False)
class TestedCells:
    """The tested cells as columns `(cells,)`: units, raw edge, its standard error, final edge (R), lesson flag."""

    __test__: ClassVar[bool] = False  # pytest would collect a class of this name

    n: Ints
    raw: Floats
    se: Floats
    shrunk: Floats
    emitted: Bools

    def __len__(self) -> int:
        return len(self.n)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the cells of all parts (at least one), one part after another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def to_document(self, most: int = MOST) -> dict[str, Any]:
        """Return lists of one length and the `total` number of cells, as JSON values.

        If there are more than `most` cells, those that became lessons come first, then those farthest from no edge; all
        cells are counted in `bands`, and the ones not listed in `squares` of the chart.

        >>> one = np.ones(3)
        >>> cells = TestedCells(one, np.array([0.5, -2.0, 1.0]), one, one / 3, np.array([True, False, False]))
        >>> document = cells.to_document(most=2)
        >>> document["raw"], document["emitted"], document["total"]
        ([0.5, -2.0], [1, 0], 3)
        >>> document["bands"], sum(document["squares"]["counts"])
        ([[0, 49, 3, 1, 1]], 1)
        """
        kept = self._stored_individually(most)
        columns = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        numbers = {name: np.round(column.astype(np.float64), DECIMALS).tolist() for name, column in columns.items()}
        document = numbers | {"emitted": columns["emitted"].astype(int).tolist(), "total": len(self)}
        return document if kept.all() else document | self._counts(~kept)

    def _stored_individually(self, most: int) -> Bools:
        """Return which cells `(cells,)` to store individually."""
        distance = np.abs(self.raw) / np.maximum(self.se, LEAST_ERROR)
        kept = np.zeros(len(self), dtype=np.bool_)
        kept[np.lexsort((-distance, ~self.emitted))[:most]] = True
        return kept

    def _counts(self, others: Bools) -> dict[str, Any]:
        """Return the counts of all cells by band, and of the cells not stored individually by square."""
        columns = (getattr(self, name).astype(np.float64) for name in ("n", "raw", "se", "emitted"))
        squares = Squares.of(Scale.of(self.raw, self.se), self.raw[others], self.se[others])
        return {"bands": [list(astuple(band)) for band in count_bands(*columns)], "squares": squares.to_document()}
