"""Statistics of cells (subsets of scope dimensions with fixed values), stored as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.rows import Bools, Codes, Floats, Ints


class CellBudgetExceeded(ValueError):
    """Raised when cubes would hold more cells than their budget allows; names the groups if others were built."""

    def __init__(self, budget: int, groups: Sequence[str] = ()) -> None:
        of = f" of {', '.join(groups)}" if groups else ""
        super().__init__(
            f"the cells{of} are more than the {budget:,} of the budget: "
            "raise n_min, set max_subset_size or drop a dimension"
        )


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one group; every column has one entry for each cell.

    mask       bit i set: dimension i is part of the cell; 0 is the empty subset
    codes      (cells, dims), -1 where the dimension is not part of the cell
    n          units: distinct trades, a cluster of trades counting once
    mean       of the units' outcomes, in R
    variance   their sample variance (divisor n - 1), in R squared; 0 for one unit
    first_closed_at, last_closed_at   microseconds since 1970-01-01 UTC
    """

    mask: NDArray[np.uint64]
    codes: Codes
    n: Ints
    mean: Floats
    variance: Floats
    first_closed_at: Ints
    last_closed_at: Ints

    def __len__(self) -> int:
        return len(self.n)

    @property
    def sizes(self) -> Ints:
        """Number of dimensions of each cell, shape `(cells,)`."""
        return np.bitwise_count(self.mask).astype(np.int64)

    def take(self, index: Ints | Bools) -> Cells:
        """Return the cells at the index (positions, or one boolean for each cell), in the order of the index."""
        return Cells(*(getattr(self, field.name)[index] for field in fields(self)))
