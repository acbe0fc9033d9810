"""The pruned data cube: n, mean and variance of every scope subset that has enough units.

It is a depth-first iceberg cube (BUC: Beyer and Ramakrishnan, SIGMOD 1999): a cell is split by one more dimension only
while it has enough units, because none of its parts can have more. Each set of dimensions costs a few numpy passes over
the remaining rows; no Python code runs for each cell or each row.

The minimum for k dimensions is the largest minimum configured for any size up to k. All parents of an emitted cell (one
dimension less, same values) therefore pass their own minimum and are emitted too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.cell_columns import CellBudgetExceeded, Cells
from learning.core.cells.numbering import count_rows, keep_cells, rank_values
from learning.core.cells.rows import MISSING, Bools, Codes, Ints, Rows
from learning.core.cells.units import UnitCounter, run_lengths, runs
from overrides.core.engine.definitions.parameters import LessonParameters

MAX_DIMENSIONS = 64  # bits of a mask
EARLIEST, LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def build_cube(rows: Rows, parameters: LessonParameters, budget: int | None = None) -> Cells:
    """Return the cells of one group with at least n_min units, and the empty subset regardless of its n.

    A group without rows has no cells. `budget` is the number of cells that the run may still hold, by default the whole
    `cell_budget`. Raises CellBudgetExceeded before more cells than that are held, and ValueError for more than 64
    dimensions.
    """
    return build_cubes([rows], parameters, budget)[0]


def build_cubes(groups: Sequence[Rows], parameters: LessonParameters, budget: int | None = None) -> list[Cells]:
    """Build the cubes of several groups in one traversal that shares the budget; see `build_cube`.

    Needs at least one group, and all groups must have the same dimensions. Many small groups cost hardly more than one,
    because one traversal for each group would spend its time calling numpy. Raises as `build_cube` does.
    """
    rows, group = Rows.join(groups), np.repeat(np.arange(len(groups)), [len(each) for each in groups])
    order = np.lexsort((rows.trade, rows.cluster, group))
    rows, group = rows.take(order), group[order]
    dims = rows.codes.shape[1]
    if dims > MAX_DIMENSIONS:
        raise ValueError(f"codes: {dims} dimensions, {MAX_DIMENSIONS} at most; drop a dimension")
    size = dims if parameters.max_subset_size is None else min(parameters.max_subset_size, dims)
    floors = [0, *accumulate(map(parameters.n_min_of, range(1, size + 1)), max)]
    walk = _Walk(rows, group, floors, parameters.cell_budget if budget is None else budget)
    mask, (row, *statistics) = walk.walk()
    by_group = np.argsort(group[row], kind="stable")
    ends = np.cumsum(np.bincount(group[row], minlength=len(groups)))
    return [
        Cells(mask[cells], _codes(rows.codes, row[cells], mask[cells]), *(column[cells] for column in statistics))
        for cells in np.split(by_group, ends[:-1])
    ]


class _Walk:
    """One depth-first traversal of the sets of dimensions; the rows are sorted by (group, cluster, trade).

    A block is the set of cells of one set of dimensions. A visit receives the rows that remain in it (`index`,
    ascending), the cell number of each of them (`cell`) and the number of cells (`cells`).
    """

    def __init__(self, rows: Rows, group: Ints, floors: list[int], budget: int) -> None:
        self.rows, self.group, self.floors, self.budget, self.left = rows, group, floors, budget, budget
        self.units = UnitCounter(rows)
        ranks = [rank_values(column, floors[1]) for column in rows.codes.T] if len(floors) > 1 else []
        # Dimensions with many values come first: they prune most, and pruned cells are not visited again.
        self.dims = sorted(range(len(ranks)), key=lambda dim: -int(ranks[dim].max(initial=0)))
        self.ranks = [ranks[dim] for dim in self.dims]
        self.masks: list[int] = []
        self.blocks: list[tuple[NDArray[Any], ...]] = []

    def walk(self) -> tuple[NDArray[np.uint64], list[NDArray[Any]]]:
        """Return the mask of every cell and, as columns, one of its rows, n, mean, variance, first and last close."""
        groups = runs(self.group)
        lengths = run_lengths(groups, len(self.group))
        self.visit(0, np.arange(len(self.group)), np.repeat(np.arange(len(groups)), lengths), len(groups), 0)
        masks = np.repeat(np.array(self.masks, dtype=np.uint64), [len(block[0]) for block in self.blocks])
        return masks, [np.concatenate(column) for column in zip(*self.blocks, strict=True)]

    def visit(self, mask: int, index: Ints, cell: Ints, cells: int, start: int) -> None:
        """Emit the cells of a block, then split them by each dimension from position `start` on."""
        size = mask.bit_count()
        n = self.emit(mask, index, cell, cells)
        if size + 1 == len(self.floors):
            return
        floor = self.floors[size + 1]
        index, cell, cells = keep_cells(n >= floor, index, cell)
        for position in range(start, len(self.dims)) if cells else ():
            ranks = self.ranks[position]
            width = int(ranks.max(initial=0)) + 1
            key, count = count_rows(cell * width + ranks.take(index), cells * width, width)
            part_index, part, parts = keep_cells(count >= floor, index, key)  # n never exceeds the row count
            if parts:
                self.visit(mask | 1 << self.dims[position], part_index, part, parts, position + 1)

    def emit(self, mask: int, index: Ints, cell: Ints, cells: int) -> Ints:
        """Compute the statistics of a block, store the cells with enough units, and return the n of all its cells."""
        unit_cell, outcome = self.units.count(index, cell, cells)
        n = np.bincount(unit_cell, minlength=cells)
        mean = np.bincount(unit_cell, outcome, cells) / n
        deviation = outcome - mean.take(unit_cell)  # two passes: a sum of squares loses precision
        variance = np.bincount(unit_cell, deviation * deviation, cells) / np.maximum(n - 1, 1)
        closed_at = self.rows.closed_at.take(index)
        first, last, row = np.full(cells, LATEST), np.full(cells, EARLIEST), np.empty(cells, dtype=np.int64)
        np.minimum.at(first, cell, closed_at)
        np.maximum.at(last, cell, closed_at)
        row[cell] = index
        self.hold(mask, n >= self.floors[mask.bit_count()], row, n, mean, variance, first, last)
        return n

    def hold(self, mask: int, keep: Bools, *columns: NDArray[Any]) -> None:
        """Store the kept cells of a block. Raises CellBudgetExceeded if the budget does not allow them."""
        self.left -= int(np.count_nonzero(keep))
        if self.left < 0:
            raise CellBudgetExceeded(self.budget)
        self.masks.append(mask)
        self.blocks.append(tuple(column[keep] for column in columns))


def _codes(codes: Codes, row: Ints, mask: NDArray[np.uint64]) -> Codes:
    """Return the codes `(cells, dims)` of cells: those of one of their rows, in the dimensions of their mask."""
    member = mask[:, None] >> np.arange(codes.shape[1], dtype=np.uint64) & np.uint64(1)
    return np.where(member == 1, codes[row], codes.dtype.type(MISSING))
