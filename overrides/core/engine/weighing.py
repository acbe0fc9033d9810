"""Weigh rows of a bucket from one table, so that a small answer costs one read of memory per override.

A row of the table is the time of the evidence in microseconds (whole numbers, which floats hold exactly until 2255),
the product of the factors that do not depend on the time of the request, the inputs of those that do, and then one
column per lever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any, Self

import numpy as np

from .weights import DAY, Basis, Column, WeightFormula

UPDATED, STATIC, INPUTS = 0, 1, 2  # columns of the table
A_DAY = float(DAY)


@dataclass(frozen=True, slots=True)
class Weighing:
    """A formula, and where the factors that depend on the time find their inputs in the table.

    `timed` is, per factor, its function, the columns of its inputs, and its constants.
    """

    formula: WeightFormula[float]
    inputs: tuple[str, ...]
    timed: tuple[tuple[Callable[..., Any], slice, tuple[float, ...]], ...]

    @classmethod
    def under(cls, formula: WeightFormula[float]) -> Self:
        """Return how rows are weighed under a formula."""
        inputs: list[str] = []
        timed: list[tuple[Callable[..., Any], slice, tuple[float, ...]]] = []
        for factor, constants in formula.timed:
            first = INPUTS + len(inputs)
            inputs += factor.basis
            timed.append((factor.value, slice(first, first + len(factor.basis)), constants))
        return cls(formula, tuple(inputs), tuple(timed))

    @property
    def width(self) -> int:
        """The number of the table's columns before those of the levers."""
        return INPUTS + len(self.inputs)

    def tables(
        self, updated: Sequence[int] | Column, basis: Basis[Column], units: Column, targets: Column
    ) -> tuple[Column, Column]:
        """Return the table, and a second one that explanations need: the factors it multiplies, and the targets."""
        static = self.formula.static_values(basis)
        inputs = [getattr(basis, name) for name in self.inputs]
        table = np.column_stack([np.array(updated, float), reduce(mul, static), *inputs, units])
        return table, np.column_stack([*static, targets])

    def of_row(self, row: Sequence[float], now: float) -> float:
        """Return the weight of one row of the table as plain numbers."""
        updated, total = row[UPDATED], row[STATIC]
        age = (now - updated) / A_DAY if now > updated else 0.0
        for value, places, constants in self.timed:
            total *= value(age, *row[places], *constants)
        return total

    def moments_of_row(self, row: Sequence[float], now: float) -> list[float]:
        """Return the factors of that weight that depend on the time."""
        age = max(now - row[UPDATED], 0.0) / A_DAY
        return [value(age, *row[places], *constants) for value, places, constants in self.timed]

    def of_many(self, table: Column, now: int | Column) -> tuple[list[Column], Column]:
        """Return both for rows of the table as columns, to the bit; `now` is one time, or one per row."""
        ages = np.maximum(now - table[:, UPDATED], 0.0) / DAY
        moments = [value(ages, *table[:, places].T, *constants) for value, places, constants in self.timed]
        return moments, reduce(mul, moments, table[:, STATIC])
