"""Numbers for cells: counting the rows behind each, dropping cells and closing the gaps."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Bools, Codes, Ints

CHEAP_COUNTERS = 1 << 16  # an array this long costs nothing worth avoiding


def counted(key: Ints, size: int, width: int) -> tuple[Ints, Ints]:
    """The keys and the rows of each; keys divisible by width stand for a missing dimension and count none.

    Keys too sparse to be counted directly are numbered anew first.
    """
    if size > 4 * len(key) + CHEAP_COUNTERS:
        values, key = np.unique(key, return_inverse=True)
        count = np.bincount(key)
        count[values % width == 0] = 0
    else:
        count = np.bincount(key, minlength=size)
        count[::width] = 0
    return key, count


def kept_only(keep: Bools, index: Ints, cell: Ints) -> tuple[Ints, Ints, int]:
    """The rows of the kept cells, their cells numbered anew, and how many are kept (the rows mean nothing at 0)."""
    kept = int(np.count_nonzero(keep))
    if kept in (0, len(keep)):
        return index, cell, kept
    alive = keep.take(cell)
    number = np.cumsum(keep) - 1
    return index.compress(alive), number.take(cell.compress(alive)), kept


def ranked(column: Codes, floor: int) -> Ints:
    """Values of a dimension numbered from 1; 0 for a missing one, and for one on too few rows to reach any cell."""
    size = int(column.max(initial=0)) + 2
    key, count = counted(column.astype(np.int64) + 1, size, size)
    keep = count >= floor
    return np.where(keep, np.cumsum(keep), 0).take(key)
