"""Dependence of trades that are decided on one day or on days near each other: a market move affects all of them.

A cell whose scope changes with the calendar, such as a market phase, holds whole days. Its mean is as uncertain as the
few days behind it suggest, however many trades they contain (Moulton, REStat 1990), and days that follow each other add
less than days apart (Newey and West, Econometrica 1987). Kish's design effect (1965) measures by how much. Dependence
is measured among the trades of one cell: over all patterns, a day that lifts longs and sinks shorts cancels
(docs/method.md 5.6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from learning.core.cells.effect_cells import CellNumbers, EffectCells
from learning.core.cells.rows import Floats, Ints
from learning.core.cells.units import runs

NEGLIGIBLE = 1e-9
MOST_LAGS = 30  # days; a longer memory is not told apart from a drift
NO_LAGS: Floats = np.zeros(0)


class Spread(NamedTuple):
    """How the trades of each cell are spread over days: columns `(cells,)`.

    effect  factor by which dependence raises the variance of the cell's mean, at least 1
    days    effective number of days, (sum of W_d)^2 / sum of W_d^2 with the weight W_d of each day (Kish 1965)
    """

    effect: Floats
    days: Floats


@dataclass(frozen=True, eq=False)
class DecisionDays:
    """The rows of a fit by the days of their decisions, from which the spread of any cells over days follows.

    day        (rows,) whole days, counted from any fixed day
    unit       (rows,) a number for each unit; rows of one unit on one day count as one outcome, their mean
    share      (rows,) the row's share of its unit
    weight     (rows,) above 0
    deviation  (rows,) outcome less the mean of its category, in noise sds of its pattern
    pattern    (rows,) positions of patterns
    is_dependent  whether days may be dependent at all; otherwise every effect is 1
    """

    day: Ints
    unit: Ints
    share: Floats
    weight: Floats
    deviation: Floats
    pattern: Ints
    is_dependent: bool = True

    @cached_property
    def of_all(self) -> Floats:
        """Correlations `(lags,)` by the number of days between, among all trades, less the means of their patterns."""
        return self._over(np.zeros(len(self.pattern), dtype=np.uint8))

    @cached_property
    def of_patterns(self) -> Floats:
        """The same among the trades of one pattern."""
        return self._over(self.pattern.astype(np.min_scalar_type(int(self.pattern.max(initial=0)))))

    def spread(self, cells: EffectCells, base: Floats) -> Spread:
        """Return the spread of cells over the first `len(cells.cell)` rows.

        Correlations are those among the trades of one cell, but lag by lag at least `base`.
        """
        rows = self._sorted(cells.cell, len(cells))
        lags = _at_least(rows.correlations(rows.centred(len(cells))), base) if self.is_dependent else NO_LAGS
        return rows.spread(lags, len(cells))

    def _over(self, group: CellNumbers) -> Floats:
        if not self.is_dependent:
            return NO_LAGS
        mean = np.bincount(self.pattern, self.weight * self.deviation) / np.bincount(self.pattern, self.weight)
        rows = self._sorted(group, int(group.max(initial=0)) + 1)
        return rows.correlations((self.deviation - mean[self.pattern])[rows.row])

    def _sorted(self, group: CellNumbers, groups: int) -> _ByDay:
        """Return the rows of each group by day and unit; a number of `groups` or above stands for no group."""
        columns = self._by_day(len(group))
        number = group[columns[0]]
        first = np.argsort(number, kind="stable")[: int(np.count_nonzero(number < groups))]
        return _ByDay(self._has_units, number[first].astype(np.int64), *(column[first] for column in columns))

    def _by_day(self, rows: int) -> tuple[Any, ...]:
        """Return the numbers and the columns of the first rows, by day and unit."""
        if rows not in self._columns:
            row = np.lexsort((self.unit[:rows], self.day[:rows]))
            columns = (self.day, self.unit, self.share, self.weight, self.deviation)
            self._columns[rows] = (row, *(column[row] for column in columns))
        return self._columns[rows]

    @cached_property
    def _columns(self) -> dict[int, tuple[Any, ...]]:
        return {}

    @cached_property
    def _has_units(self) -> bool:
        """Whether some rows share their unit."""
        return len(np.unique(self.unit)) < len(self.unit)


@dataclass(frozen=True, eq=False)
class _ByDay:
    """Rows sorted by group, day and unit."""

    has_units: bool  # whether some rows share their unit
    group: Ints
    row: Ints
    day: Ints
    unit: Ints
    share: Floats
    weight: Floats
    deviation: Floats

    @cached_property
    def starts(self) -> Ints:
        """The positions at which the days of a group start."""
        return runs(self.group, self.day)

    @cached_property
    def weight_of_day(self) -> Floats:
        """The weight `(days,)` of each day of a group."""
        return _sums(self.weight, self.starts)

    def centred(self, groups: int) -> Floats:
        """Return the deviations `(rows,)` less the mean of their group."""
        mean = np.bincount(self.group, self.weight * self.deviation, groups) / np.bincount(
            self.group, self.weight, groups
        )
        centred: Floats = self.deviation - mean[self.group]
        return centred

    def correlations(self, deviation: Floats) -> Floats:
        """Return the correlation `(lags,)` of two units of a group by the number of days between them, 0 to 1.

        It is the mean product of pairs over the mean square of single outcomes, from lag 0 up to the last before the
        first that is not positive (the initial positive sequence, Geyer, Statistical Science 1992), at most 30.
        """
        weight, pull = self.weight, self.weight * deviation
        if self.has_units:
            units = runs(self.group, self.day, self.unit)
            weight, pull = _sums(weight, units), _sums(pull, units)
        total = float(weight.sum())
        square = float((pull * pull / weight).sum()) / total if total else 0.0
        if square == 0:
            return NO_LAGS
        of_day, pull_of_day = self.weight_of_day, _sums(self.weight * deviation, self.starts)
        product = float(pull_of_day @ pull_of_day - pull @ pull)
        pairs = float(of_day @ of_day - weight @ weight)
        found: list[float] = []
        for early, late in self._pairs():
            if pairs <= NEGLIGIBLE * total or product <= 0:
                break
            found.append(min(product / pairs / square, 1.0))
            product, pairs = float(pull_of_day[early] @ pull_of_day[late]), float(of_day[early] @ of_day[late])
        return np.array(found)

    def spread(self, lags: Floats, groups: int) -> Spread:
        """Return the spread of each group, given the correlations by lag."""
        group, weight = self.group[self.starts], self.weight_of_day
        total = np.bincount(group, weight, groups)
        effective = total**2 / np.bincount(group, weight * weight, groups)
        if not len(lags):
            return Spread(np.ones(groups), effective)
        share = _sums(self.share, self.starts)
        alone = _sums(self.weight * self.share, self.starts)
        others = lags[0] * np.bincount(group, np.maximum(weight * share - alone, 0.0), groups)
        for correlation, (early, late) in zip(lags.tolist()[1:], self._pairs(), strict=False):
            crossed = weight[early] * share[late] + share[early] * weight[late]
            others += correlation * np.bincount(group[early], crossed, groups)
        return Spread(1.0 + others / total, effective)

    def _pairs(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield the positions of the days of one group that lie 1 day apart, then 2, up to `MOST_LAGS` + 1."""
        day = self.day[self.starts]
        first, last = int(day.min(initial=0)), int(day.max(initial=0))
        key = self.group[self.starts] * (last - first + MOST_LAGS + 2) + (day - first)  # it rises
        place = np.arange(len(key))  # of the first key that is at least `lag` above each
        for lag in range(1, MOST_LAGS + 2):
            place += key.take(place, mode="clip") == key + (lag - 1)
            early = np.flatnonzero(key.take(place, mode="clip") == key + lag)
            yield early, place[early]


def _sums(values: Floats, starts: Ints) -> Floats:
    """Return the sum of each run of values, given where the runs start."""
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0)


def _at_least(found: Floats, base: Floats) -> Floats:
    """Return the larger correlation at each lag; a sequence is 0 beyond its end.

    >>> _at_least(np.array([0.1, 0.3]), np.array([0.2])).tolist()
    [0.2, 0.3]
    """
    lags = np.zeros(max(len(found), len(base)))
    lags[: len(found)] = found
    lags[: len(base)] = np.maximum(lags[: len(base)], base)
    return lags
