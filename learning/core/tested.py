"""Every cell a run looked at, beside those it made lessons of: what a funnel plot shows (statistics section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from learning.core.rows import Bools, Floats, Ints

MOST = 20_000
DECIMALS = 6
LEAST_ERROR = 1e-12  # R; constant outcomes have none, and their distance must stay a number


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
        """Lists of one length and the `total` there were; of more than `most` cells, those farthest from no edge.

        >>> one = np.ones(3)
        >>> cells = Tested(one, np.array([0.5, -2.0, 1.0]), one, one / 3, np.array([False, True, False]))
        >>> cells.to_document(most=2)["raw"], cells.to_document(most=2)["emitted"], cells.to_document(most=2)["total"]
        ([-2.0, 1.0], [1, 0], 3)
        """
        distance = np.abs(self.raw) / np.maximum(self.se, LEAST_ERROR)
        kept = np.sort(np.argsort(-distance, kind="stable")[:most])
        columns = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        numbers = {name: np.round(column.astype(np.float64), DECIMALS).tolist() for name, column in columns.items()}
        return numbers | {"emitted": columns["emitted"].astype(int).tolist(), "total": len(self)}
