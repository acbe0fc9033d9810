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
from learning.core.cells.rows import LARGEST, MISSING, Codes, Floats, Ints, Rows
from learning.core.cells.units import UnitCounter, run_lengths, runs
from overrides.core.engine.definitions.parameters import LessonParameters

MAX_DIMENSIONS = 64  # bits of a mask
PRECISE = 1e-3  # least share of the squares that are deviations from the mean; the others cancel, and with them digits
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
    order = _in_order(rows, group)
    rows, group = rows.take(order), group[order]
    dims = rows.codes.shape[1]
    if dims > MAX_DIMENSIONS:
        raise ValueError(f"codes: {dims} dimensions, {MAX_DIMENSIONS} at most; drop a dimension")
    size = dims if parameters.max_subset_size is None else min(parameters.max_subset_size, dims)
    floors = [1, *accumulate(map(parameters.n_min_of, range(1, size + 1)), max)]
    walk = _Walk(rows, group, len(groups), floors, parameters.cell_budget if budget is None else budget)
    columns = walk.walk()
    by_group = np.argsort(_small(group[columns[1]]), kind="stable")
    mask, row, n, mean, *others = (column[by_group] for column in columns)
    of_group = group[row]
    ends = np.cumsum(np.bincount(of_group, minlength=len(groups)))[:-1]
    cells = (mask, _codes(rows.codes, row, mask), n, mean + walk.center[of_group], *others)
    return [Cells(*part) for part in zip(*(np.split(column, ends) for column in cells), strict=True)]


def _in_order(rows: Rows, group: Ints) -> Ints:
    """Return the rows that are units of their own by (group, close), then the others by (group, cluster, trade)."""
    by_close = np.argsort(rows.closed_at, kind="stable")  # stable sorts are fast where most is in order already
    by_close = by_close.take(np.argsort(_small(group.take(by_close)), kind="stable"))
    clusters = np.sort(rows.cluster, kind="stable")
    if (clusters[1:] != clusters[:-1]).all():
        return by_close
    order = np.lexsort((rows.trade, rows.cluster, group))
    units = runs(group[order], rows.cluster[order])
    lengths = run_lengths(units, len(order))
    is_shared, shared = np.empty(len(order), dtype=np.bool_), np.repeat(lengths > 1, lengths)
    is_shared[order] = shared
    return np.concatenate([by_close[~is_shared[by_close]], order[shared]])


def _small(numbers: Ints) -> NDArray[Any]:
    """Return numbers >= 0 in the smallest type that holds them; up to 16 bits are sorted in one pass."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


class _Walk:
    """One depth-first traversal of the sets of dimensions; the rows are in the order of `_in_order`.

    A block is the set of cells of one set of dimensions. A visit receives the rows that remain in it (`index`,
    ascending), the cell number of each of them (`cell`) and the number of rows of each cell (`count`).
    """

    def __init__(self, rows: Rows, group: Ints, groups: int, floors: list[int], budget: int) -> None:
        self.rows, self.group, self.floors, self.budget, self.left = rows, group, floors, budget, budget
        self.groups = np.bincount(group, minlength=groups)
        self.center = np.bincount(group, rows.outcomes, groups) / np.maximum(self.groups, 1)
        self.outcomes = rows.outcomes - self.center.take(group)
        self.squares = self.outcomes * self.outcomes
        self.units = UnitCounter(rows, self.outcomes)
        ranks = [rank_values(column, floors[1]) for column in rows.codes.T] if len(floors) > 1 else []
        # Dimensions with many values come first: they prune most, and pruned cells are not visited again.
        self.dims = sorted(range(len(ranks)), key=lambda dim: -int(ranks[dim].max(initial=0)))
        self.ranks = [(ranks[dim], int(ranks[dim].max(initial=0)) + 1) for dim in self.dims]
        self.masks: list[int] = []
        self.blocks: list[tuple[NDArray[Any], ...]] = []

    def walk(self) -> list[NDArray[Any]]:
        """Return mask, one row, n, mean from the center, variance, first and last close of every cell, as columns."""
        self.visit(0, np.arange(len(self.group)), self.group, self.groups, 0)
        masks = np.repeat(np.array(self.masks, dtype=np.uint64), [len(block[0]) for block in self.blocks])
        return [masks, *map(np.concatenate, zip(*self.blocks, strict=True))]

    def visit(self, mask: int, index: Ints, cell: Ints, count: Ints, start: int) -> None:
        """Emit the cells of a block, then split them by each dimension from position `start` on."""
        size = mask.bit_count()
        alone = not self.units.are_shared(index)
        n = self.emit_alone(mask, index, cell, count) if alone else self.emit(mask, index, cell, len(count))
        if size + 1 == len(self.floors):
            return
        floor, is_last = self.floors[size + 1], size + 2 == len(self.floors)
        index, cell, cells = keep_cells(n >= floor, index, cell)
        taken = (self.outcomes.take(index), self.squares.take(index)) if is_last and alone else None
        for position in range(start, len(self.dims)) if cells else ():
            (ranks, width), part_mask = self.ranks[position], mask | 1 << self.dims[position]
            key, count = count_rows(cell * width + ranks.take(index), cells * width, width)
            keep = count >= floor  # n never exceeds the row count
            remaining = int(count[keep].sum())
            if taken is not None and 2 * remaining > len(index):  # cheaper than to drop the few other rows first
                self.emit_alone(part_mask, index, key, count, taken)
            elif remaining:
                part_index, part, _ = keep_cells(keep, index, key)
                self.visit(part_mask, part_index, part, count[keep], position + 1)

    def emit_alone(
        self, mask: int, index: Ints, cell: Ints, n: Ints, taken: tuple[Floats, Floats] | None = None
    ) -> Ints:
        """Do the same as `emit` for rows that are units of their own; `n` counts them, 0 for no cell.

        `taken` are the outcomes and squares of the rows. The first row of a cell closed first, the last one last.
        """
        outcomes, squares = taken or (self.outcomes.take(index), self.squares.take(index))
        first, last = np.full(len(n), len(self.group)), np.empty(len(n), dtype=np.int64)
        np.minimum.at(first, cell, index)
        last[cell] = index
        kept = np.flatnonzero(n >= self.floors[mask.bit_count()])
        first, last = first[kept], last[kept]
        moments = self.moments(cell, outcomes, squares, n, kept)
        closed_at = self.rows.closed_at
        self.hold(mask, last, n[kept], *moments, closed_at[first], closed_at[last])
        return n

    def emit(self, mask: int, index: Ints, cell: Ints, cells: int) -> Ints:
        """Compute the statistics of a block, store the cells with enough units, and return the n of all its cells."""
        unit_cell, outcome = self.units.count(index, cell, cells)
        n = np.bincount(unit_cell, minlength=cells)
        closed_at = self.rows.closed_at.take(index)
        first, last, row = np.full(cells, LATEST), np.full(cells, EARLIEST), np.empty(cells, dtype=np.int64)
        np.minimum.at(first, cell, closed_at)
        np.maximum.at(last, cell, closed_at)
        row[cell] = index
        kept = np.flatnonzero(n >= self.floors[mask.bit_count()])
        moments = self.moments(unit_cell, outcome, outcome * outcome, n, kept)
        self.hold(mask, row[kept], n[kept], *moments, first[kept], last[kept])
        return n

    def moments(self, cell: Ints, outcomes: Floats, squares: Floats, n: Ints, kept: Ints) -> tuple[Floats, Floats]:
        """Return mean and variance of the kept cells, given units with centred outcomes and the squares of these.

        The sum of squares is precise while the mean explains little of it; otherwise deviations are summed instead.
        """
        total, of_squares = (np.bincount(cell, values, len(n))[kept] for values in (outcomes, squares))
        mean = total / n[kept]
        spread = of_squares - total * mean
        if (spread[n[kept] > 1] < PRECISE * of_squares[n[kept] > 1]).any():
            means = np.zeros(len(n))
            means[kept] = mean
            deviation = outcomes - means.take(cell)
            spread = np.bincount(cell, deviation * deviation, len(n))[kept].astype(np.float64, copy=False)
        return mean, np.minimum(spread / np.maximum(n[kept] - 1, 1), 2 * LARGEST**2)  # rounding may pass the largest

    def hold(self, mask: int, *columns: NDArray[Any]) -> None:
        """Store the cells of a block. Raises CellBudgetExceeded if the budget does not allow them."""
        self.left -= len(columns[0])
        if self.left < 0:
            raise CellBudgetExceeded(self.budget)
        self.masks.append(mask)
        self.blocks.append(columns)


def _codes(codes: Codes, row: Ints, mask: NDArray[np.uint64]) -> Codes:
    """Return the codes `(cells, dims)` of cells: those of one of their rows, in the dimensions of their mask."""
    found = codes.take(row, axis=0)
    for dim, column in enumerate(found.T):
        column[mask >> np.uint64(dim) & np.uint64(1) == 0] = MISSING
    return found
