"""How judged actions are counted: rows form trades, and trades form clusters.

Several rows of one trade count once, with their mean; several trades of a cluster count once, with the mean of the
trades' means. A *unit* is what counts as one: the cluster, or the trade itself if it belongs to no cluster.
"""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Floats, Ints, Rows


def runs(*columns: Ints) -> Ints:
    """Return the positions at which a run of equal entries starts, comparing all columns (of one length) together.

    >>> runs(np.array([1, 1, 2, 2]), np.array([5, 5, 5, 6])).tolist()
    [0, 2, 3]
    """
    starts = np.zeros(len(columns[0]), dtype=np.bool_)
    starts[:1] = True
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(starts)


def run_lengths(starts: Ints, end: int) -> Ints:
    """Return the length of each run, given where the runs start; the last one reaches to `end`.

    >>> run_lengths(np.array([0, 2, 3]), 7).tolist()
    [2, 1, 4]
    """
    lengths = np.empty(len(starts), dtype=np.int64)
    lengths[:-1] = starts[1:] - starts[:-1]
    lengths[-1:] = end - starts[-1:]
    return lengths


def run_means(values: Floats, starts: Ints) -> Floats:
    """Return the mean of each run of `values`, given where the runs start.

    >>> run_means(np.array([1.0, 3.0, 5.0]), np.array([0, 2])).tolist()
    [2.0, 5.0]
    """
    if len(starts) == 0:
        return np.empty(0)
    return np.add.reduceat(values, starts) / run_lengths(starts, len(values))


def unit_means(cell: Ints, cluster: Ints, trade: Ints, outcomes: Floats) -> tuple[Ints, Floats]:
    """Return the cell and the mean outcome in R of each unit, for rows sorted by (cell, cluster, trade).

    A trade of 2 R and a trade with three adds (-1 R each) count once each:

    >>> cell, trade = np.zeros(4, dtype=np.int64), np.array([7, 8, 8, 8])
    >>> unit_means(cell, trade, trade, np.array([2.0, -1.0, -1.0, -1.0]))[1].tolist()
    [2.0, -1.0]
    """
    trades = runs(cell, cluster, trade)
    cell, cluster = cell[trades], cluster[trades]
    units = runs(cell, cluster)
    return cell[units], run_means(run_means(outcomes, trades), units)


class UnitCounter:
    """Counts the units of any subset of rows sorted so that equal clusters, and equal trades in them, are adjacent.

    Only rows that share their unit with another row are sorted and merged. Usually every trade has one row and no
    cluster, and then this costs nothing. `outcomes` are counted in place of those of the rows.
    """

    def __init__(self, rows: Rows, outcomes: Floats) -> None:
        self.rows, self.outcomes = rows, outcomes
        units = runs(rows.cluster)
        length = run_lengths(units, len(rows))
        self.shares = np.repeat(length > 1, length)
        self.any_shares = bool(self.shares.any())

    def are_shared(self, index: Ints) -> bool:
        """Return whether one of the rows at `index` shares its unit with any other row."""
        return self.any_shares and bool(self.shares.take(index).any())

    def count(self, index: Ints, cell: Ints, cells: int) -> tuple[Ints, Floats]:
        """Return the cell and mean outcome of each unit among the rows at `index` (ascending).

        `cell` is the cell number of each of those rows, below `cells`.
        """
        outcomes = self.outcomes.take(index)
        shares = self.shares.take(index) if self.any_shares else self.shares[:0]
        if not shares.any():
            return cell, outcomes
        sharing, alone = np.flatnonzero(shares), np.flatnonzero(~shares)
        order = np.argsort(cell.take(sharing).astype(np.min_scalar_type(cells)), kind="stable")  # radix to 16 bits
        sharing = sharing.take(order)
        row = index.take(sharing)
        merged_cell, merged = unit_means(
            cell.take(sharing), self.rows.cluster.take(row), self.rows.trade.take(row), outcomes.take(sharing)
        )
        return np.concatenate([cell.take(alone), merged_cell]), np.concatenate([outcomes.take(alone), merged])
