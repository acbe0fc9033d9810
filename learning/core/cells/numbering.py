"""Cell numbers: count the rows of each cell, drop cells and renumber the remaining ones without gaps."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Bools, Codes, Ints

CHEAP_COUNTERS = 1 << 16  # counters; an array of this length costs too little to avoid


def count_rows(key: Ints, size: int, width: int) -> tuple[Ints, Ints]:
    """Return the keys `(rows,)` and the number of rows of each key.

    A key divisible by `width` stands for a missing dimension and counts no rows. Keys that are too sparse for an array
    of counters are renumbered first. `size` is one more than the largest possible key.
    """
    if size > 4 * len(key) + CHEAP_COUNTERS:
        values, key = np.unique(key, return_inverse=True)
        count = np.bincount(key)
        count[values % width == 0] = 0
    else:
        count = np.bincount(key, minlength=size)
        count[::width] = 0
    return key, count


def keep_cells(keep: Bools, index: Ints, cell: Ints) -> tuple[Ints, Ints, int]:
    """Return the rows of the kept cells, their renumbered cells, and the number of kept cells.

    If no cell is kept the returned rows have no meaning. `keep` is `(cells,)`; `index` and `cell` are `(rows,)`.
    """
    kept = int(np.count_nonzero(keep))
    if kept in (0, len(keep)):
        return index, cell, kept
    alive = keep.take(cell)
    number = np.cumsum(keep) - 1
    return index.compress(alive), number.take(cell.compress(alive)), kept


def rank_values(column: Codes, floor: int) -> Ints:
    """Number the values of a dimension from 1, shape `(rows,)`; 0 for missing values and for those on too few rows.

    A value on fewer than `floor` rows cannot be part of any cell.
    """
    size = int(column.max(initial=0)) + 2
    key, count = count_rows(column.astype(np.int64) + 1, size, size)
    keep = count >= floor
    return np.where(keep, np.cumsum(keep), 0).take(key)
