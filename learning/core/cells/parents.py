"""The gain of a cell over its parents: the cells with one dimension less and otherwise the same values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.cell_columns import Cells
from learning.core.cells.rows import MISSING, Codes, Floats, Ints

SEEDS = 4  # attempts; two keys among a million cells collide about once in ten million draws


def incremental_edges(cells: Cells, edge: Floats, chosen: Ints) -> Floats:
    """Return the smallest gain of each chosen cell over its parents, in R, in the direction of its own edge.

    `edge` `(cells,)` is mean - baseline; `chosen` holds cell positions. The empty subset is the parent of every cell of
    one dimension. Its own parent is the baseline, so its gain is its |edge|. Raises ValueError if a parent is not among
    the cells or a cell occurs twice.
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
    """Return a key for each cell, and how much one step of each dimension's code adds to it, modulo 2^64.

    The keys are sums of random odd multiples (multilinear hashing): the key of a parent is that of its child minus one
    term. Multipliers are redrawn until no two cells share a key, which makes the lookup of a parent exact. Raises
    ValueError if a cell occurs twice.
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
    """Return 0 for a missing dimension and code + 1 otherwise."""
    return (code.astype(np.int64) + 1).astype(np.uint64)


def _find(keys: NDArray[np.uint64], order: Ints, requested: NDArray[np.uint64]) -> Ints:
    """Return the position of each requested key. Raises ValueError if one of them is missing."""
    at = np.searchsorted(keys, requested, sorter=order)
    found = order[np.minimum(at, len(order) - 1)]
    if (keys[found] != requested).any():
        raise ValueError("cells: the parent of a cell is missing; give all cells of the group, the empty subset too")
    return found
