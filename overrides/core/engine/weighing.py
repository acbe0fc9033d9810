"""Weigh rows of a bucket from one table, so that a small answer costs one read of memory per override.

A row of the table is the time of the evidence in microseconds (whole numbers, which floats hold exactly until 2255),
the product of the factors that do not depend on the time of the request, the inputs of those that do, and then one
column per lever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import repeat
from operator import mul
from typing import Any, Self

import numpy as np

from .weights import DAY, Basis, Column, WeightFormula

UPDATED, STATIC, INPUTS = 0, 1, 2  # columns of the table
A_DAY = float(DAY)


@dataclass(frozen=True, slots=True)
class Weighing:
    """A formula, and where the factors that depend on the time find their inputs in the table.

    `timed` is, per factor, its function, the same for lists, the columns of its inputs, and its constants.
    """

    formula: WeightFormula[float]
    inputs: tuple[str, ...]
    timed: tuple[tuple[Callable[..., Any], Callable[..., list[float]], tuple[int, ...], tuple[float, ...]], ...]

    @classmethod
    def under(cls, formula: WeightFormula[float]) -> Self:
        """Return how rows are weighed under a formula."""
        inputs = tuple(dict.fromkeys(name for factor, _ in formula.timed for name in factor.basis))
        places = {name: INPUTS + place for place, name in enumerate(inputs)}
        timed = [
            (each.value, each.listed or partial(_each, each.value), tuple(places[name] for name in each.basis), taken)
            for each, taken in formula.timed
        ]
        return cls(formula, inputs, tuple(timed))

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

    def of_few(self, columns: Sequence[list[float]], now: int) -> tuple[list[list[float]], list[float]]:
        """Return the factors that depend on the time, and the weights, of rows given as one list per column."""
        at = float(now)  # exact, and compared with floats faster than a whole number is
        ages = [(at - updated) / A_DAY if at > updated else 0.0 for updated in columns[UPDATED]]
        total, moments = columns[STATIC], []
        for _, listed, places, constants in self.timed:
            moment = listed(ages, *[columns[place] for place in places], *map(repeat, constants))
            moments.append(moment)
            total = list(map(mul, total, moment))
        return moments, total

    def of_many(self, table: Column, now: int | Column) -> tuple[list[Column], Column]:
        """Return the same of rows of the table as columns; `now` is one time, or one per row."""
        ages = np.maximum(now - table[:, UPDATED], 0.0) / DAY
        moments = [
            value(ages, *(table[:, place] for place in places), *constants)
            for value, _, places, constants in self.timed
        ]
        return moments, reduce(mul, moments, table[:, STATIC])


def _each(value: Callable[..., float], *columns: Iterable[float]) -> list[float]:
    return list(map(value, *columns))
