"""Cells of the evidence method: a number for each combination of digits that occurs in enough units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.numbering import CHEAP_COUNTERS
from learning.core.cells.rows import Bools, Floats, Ints
from learning.core.cells.units import run_lengths, runs

CellNumbers = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class EffectCells:
    """The cells over some columns of digits, in ascending order of their key.

    columns  the columns of digits that define the cells
    key      (cells,) mixed-radix number of the cell's digits, none of which is 0
    n        (cells,) units in each cell
    cell     (rows,) position of each row's cell; `len(self)` for a row that is in no cell
    """

    columns: tuple[int, ...]
    key: Ints
    n: Ints
    cell: CellNumbers

    def __len__(self) -> int:
        return len(self.key)

    def sums(self, values: Floats) -> Floats:
        """Return the sum of a value `(rows,)` over the rows of each cell, shape `(cells,)`."""
        return np.bincount(self.cell, values, len(self) + 1)[:-1].astype(np.float64, copy=False)

    def find(self, key: Ints) -> Ints:
        """Return the position of each key; `len(self)` for a key that has no cell."""
        at = np.searchsorted(self.key, key)
        found = self.key.take(at, mode="clip") == key if len(self) else np.zeros(len(key), dtype=np.bool_)
        return np.where(found, at, len(self))


class UnitCounts:
    """Counts distinct units in cells; only rows that share their unit with another row need a comparison."""

    def __init__(self, unit: Ints) -> None:
        order = np.argsort(unit, kind="stable")
        lengths = run_lengths(runs(unit[order]), len(unit))
        self.number = np.empty(len(unit), dtype=np.int64)
        self.number[order] = np.repeat(np.arange(len(lengths)), lengths)
        self.sharing = np.empty(len(unit), dtype=np.bool_)
        self.sharing[order] = np.repeat(lengths > 1, lengths)

    def count(self, key: Ints, size: int) -> Ints:
        """Return the number of units with each key, shape `(size,)`, for the first `len(key)` rows."""
        sharing: Bools = self.sharing[: len(key)]
        if not sharing.any():
            return np.bincount(key, minlength=size)
        units = len(self.number)
        pairs = np.unique(key[sharing] * units + self.number[: len(key)][sharing])
        return np.bincount(key[~sharing], minlength=size) + np.bincount(pairs // units, minlength=size)


def number_cells(
    digits: Ints, widths: Sequence[int], columns: tuple[int, ...], units: UnitCounts, n_min: int
) -> EffectCells:
    """Number the cells over `columns` of the rows of `digits` `(columns, rows)` that have at least n_min units."""
    key, size = key_of([digits[column] for column in columns], widths, columns), prod(widths[c] for c in columns)
    if size > 4 * len(key) + CHEAP_COUNTERS:
        known, key = np.unique(key, return_inverse=True)
    else:
        known = np.arange(size)
    n = units.count(key, len(known))
    keep = n >= n_min
    for digit in digits_of(known, widths, columns):
        keep &= digit > 0
    kept = int(np.count_nonzero(keep))
    number = np.full(len(known), kept, dtype=np.min_scalar_type(kept))
    number[keep] = np.arange(kept)
    return EffectCells(columns, known[keep], n[keep], number.take(key))


def key_of(digits: Sequence[Ints], widths: Sequence[int], columns: Sequence[int]) -> Ints:
    """Return the mixed-radix number of each row's digits, given one vector `(rows,)` for each column.

    >>> key_of([np.array([1, 2]), np.array([0, 3])], (5, 4), (0, 1)).tolist()
    [4, 11]
    """
    key = np.zeros(len(digits[0]), dtype=np.int64)
    for digit, column in zip(digits, columns, strict=True):
        key *= widths[column]
        key += digit
    return key


def digits_of(key: Ints, widths: Sequence[int], columns: Sequence[int]) -> list[Ints]:
    """Return the digits of keys, one vector for each column; the inverse of `key_of`.

    >>> [digit.tolist() for digit in digits_of(np.array([4, 11]), (5, 4), (0, 1))]
    [[1, 2], [0, 3]]
    """
    digits = []
    for column in reversed(columns):
        key, digit = np.divmod(key, widths[column])
        digits.append(digit)
    return digits[::-1]
