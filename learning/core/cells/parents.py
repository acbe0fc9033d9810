"""What a cell adds to its parents: the cells of one dimension less and otherwise the same values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.cell_columns import Cells
from learning.core.cells.rows import MISSING, Codes, Floats, Ints

SEEDS = 4  # two keys of a million cells meet about once in ten million draws


def incremental_edges(cells: Cells, edge: Floats, chosen: Ints) -> Floats:
    """The least gain of each chosen cell over any of its parents, in R and in the direction of its own edge.

    `edge` (cells,) is mean - baseline. The empty subset is the parent of cells of one dimension; its own parent is
    the baseline, so that it gains its |edge|. Raises ValueError when a parent is not among the cells.
    """
    keys, multipliers = _keys(cells.codes)
    order = np.argsort(keys)
    least = np.where(cells.mask[chosen] == 0, np.abs(edge[chosen]), np.inf)
    for dim in range(len(multipliers)):
        code = cells.codes[chosen, dim]
        member = np.flatnonzero(code != MISSING)
        child = chosen[member]
        parent = _find(keys, order, keys[child] - _shifted(code[member]) * multipliers[dim])
        gain = np.sign(edge[child]) * (edge[child] - edge[parent])
        least[member] = np.minimum(least[member], gain)
    return least


def _keys(codes: Codes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """A number for each cell, and what one step of each dimension's code adds to it, modulo 2^64.

    Sums of random odd multiples (multilinear hashing): a parent's key is its child's less one term. The multipliers
    are drawn anew until no two cells share a key, which makes looking a parent up exact.
    """
    for seed in range(SEEDS):
        draws = np.random.default_rng(seed).integers(0, 2**63, size=(codes.shape[1],))
        multipliers = draws.astype(np.uint64) * np.uint64(2) + np.uint64(1)
        keys = np.zeros(len(codes), dtype=np.uint64)
        for dim in range(len(multipliers)):
            keys += _shifted(codes[:, dim]) * multipliers[dim]
        if len(np.unique(keys)) == len(keys):
            return keys, multipliers
    raise ValueError("cells: a cell is given twice; keep one")


def _shifted(code: Codes) -> NDArray[np.uint64]:
    """0 for a missing dimension, its code + 1 otherwise."""
    return (code.astype(np.int64) + 1).astype(np.uint64)


def _find(keys: NDArray[np.uint64], order: Ints, wanted: NDArray[np.uint64]) -> Ints:
    at = np.searchsorted(keys, wanted, sorter=order)
    found = order[np.minimum(at, len(order) - 1)]
    if (keys[found] != wanted).any():
        raise ValueError("cells: the parent of a cell is missing; give all cells of the group, the empty subset too")
    return found
