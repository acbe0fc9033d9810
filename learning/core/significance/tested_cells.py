"""Every cell a run looked at, beside those it made lessons of: what a funnel plot shows (statistics section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints
from learning.core.significance.funnel import LEAST_ERROR, Scale, Squares, count_bands

MOST = 2_000  # told one by one
DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Tested:
    """Columns (cells,): units, edge before shrinkage and its standard error, edge believed (R), and whether it acts."""

    __test__: ClassVar[bool] = False  # pytest takes classes of that name for its own

    n: Ints
    raw: Floats
    se: Floats
    shrunk: Floats
    emitted: Bools

    def __len__(self) -> int:
        return len(self.n)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """The cells of the parts (one at least), one part after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def to_document(self, most: int = MOST) -> dict[str, Any]:
        """Lists of one length and the `total` there were. Of more than `most` cells, those that act are told one by
        one, then those farthest from no edge; all are counted in `bands`, and the others in `squares` of the picture.

        >>> one = np.ones(3)
        >>> cells = Tested(one, np.array([0.5, -2.0, 1.0]), one, one / 3, np.array([True, False, False]))
        >>> document = cells.to_document(most=2)
        >>> document["raw"], document["emitted"], document["total"]
        ([0.5, -2.0], [1, 0], 3)
        >>> document["bands"], sum(document["squares"]["counts"])
        ([[0, 49, 3, 1, 1]], 1)
        """
        kept = self._told(most)
        columns = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        numbers = {name: np.round(column.astype(np.float64), DECIMALS).tolist() for name, column in columns.items()}
        told = numbers | {"emitted": columns["emitted"].astype(int).tolist(), "total": len(self)}
        return told if kept.all() else told | self._counted(~kept)

    def _told(self, most: int) -> Bools:
        distance = np.abs(self.raw) / np.maximum(self.se, LEAST_ERROR)
        told = np.zeros(len(self), dtype=np.bool_)
        told[np.lexsort((-distance, ~self.emitted))[:most]] = True
        return told

    def _counted(self, others: Bools) -> dict[str, Any]:
        columns = (getattr(self, name).astype(np.float64) for name in ("n", "raw", "se", "emitted"))
        squares = Squares.of(Scale.of(self.raw, self.se), self.raw[others], self.se[others])
        return {"bands": [list(astuple(band)) for band in count_bands(*columns)], "squares": squares.to_document()}
