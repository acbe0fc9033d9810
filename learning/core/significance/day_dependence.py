"""Dependence of trades that close on one day: a market-wide move affects all of them.

A cell whose scope changes with the calendar, such as a market phase, holds whole days. Its mean is as uncertain as the
few days behind it suggest, however many trades they contain (Moulton, REStat 1990). Kish's design effect (1965)
measures by how much. A cell with one trade a day has a design effect of 1, so scopes that differ between trades are not
affected.
"""

from __future__ import annotations

import numpy as np

from learning.core.cells.effect_cells import EffectCells
from learning.core.cells.rows import Floats, Ints
from learning.core.cells.units import runs

NEGLIGIBLE = 1e-9


def same_day_correlation(day: Ints, unit: Ints, weight: Floats, deviation: Floats) -> float:
    """Return the correlation of the outcomes of two units on one day, 0 to 1.

    It is the mean product of pairs over the mean square. Columns are `(rows,)`, weights above 0; `deviation` is the
    distance from the mean in noise sds. Negative estimates, and days with one unit each, give 0. Rows of one unit on
    one day count as one outcome, their mean.

    >>> day, one, deviation = np.array([0, 0, 1, 1]), np.ones(4), np.array([1.0, 1.0, -1.0, -1.0])
    >>> same_day_correlation(day, np.arange(4), one, deviation), same_day_correlation(day, day, one, deviation)
    (1.0, 0.0)
    """
    order = np.lexsort((unit, day))
    day, unit, weight, weighted = day[order], unit[order], weight[order], (weight * deviation)[order]
    outcomes = runs(day, unit)
    weights, sums = np.add.reduceat(weight, outcomes), np.add.reduceat(weighted, outcomes)
    days = runs(day[outcomes])
    pairs, products = _over_pairs(weights, days), _over_pairs(sums, days)
    square = float((sums**2 / weights).sum() / weights.sum())
    if pairs <= NEGLIGIBLE * float((weights**2).sum()) or square == 0:
        return 0.0
    return min(max(products / pairs / square, 0.0), 1.0)


def _over_pairs(values: Floats, starts: Ints) -> float:
    """Return the sum of the products of all ordered pairs of values within the runs that start at `starts`."""
    return float((np.add.reduceat(values, starts) ** 2).sum() - (values**2).sum())


def design_effects(cells: EffectCells, day: Ints, share: Floats, weight: Floats, correlation: float) -> Floats:
    """Return the factor `(cells,)` by which dependence raises the variance of a cell's mean, at least 1.

    It is 1 + correlation * (other units of the trade's day), averaged over the cell's trades by weight. All columns are
    `(rows,)`, with the rows of a day adjacent; `share` is a row's share of its unit. Example: ten trades of one day
    with a correlation of .2, and ten trades on ten days.

    >>> cells = EffectCells((0,), np.array([1, 2]), np.array([10, 10]), np.repeat(np.array([0, 1], np.uint8), 10))
    >>> day, one = np.append(np.zeros(10, int), np.arange(1, 11)), np.ones(20)
    >>> design_effects(cells, day, one, one, 0.2).round(12).tolist()
    [2.8, 1.0]
    """
    rows = len(cells.cell)
    order = np.argsort(cells.cell, kind="stable")
    cell, share, weight = cells.cell[order].astype(np.int64), share[:rows][order], weight[:rows][order]
    starts = runs(cell, day[:rows][order])
    total = np.add.reduceat(weight, starts)
    others = total * np.add.reduceat(share, starts) - np.add.reduceat(weight * share, starts)
    others, total = (np.bincount(cell[starts], each, len(cells) + 1)[:-1] for each in (others, total))
    effects: Floats = 1.0 + correlation * np.maximum(others / total, 0.0)
    return effects
