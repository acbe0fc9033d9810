"""Outcomes as the ledger takes them in: each compared with what was known the day before, by line and closed day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from learning.core.cells.effect_cells import UnitCounts, digits_of, number_cells
from learning.core.cells.rows import MISSING, Bools, Floats, Ints
from learning.core.evidence_method.coding import FIRST_DIMENSION, Coding, Owner
from learning.core.evidence_method.observations import Observations, shares
from learning.core.lifetime.e_process import DayDependence
from learning.core.lifetime.publication import FEWEST
from learning.core.significance.day_dependence import DecisionDays

MOST_PHI, PERSISTENT = 0.95, 1.5  # where days persist, 1.5 times the measured correlation is assumed
FEWEST_DAYS = 60  # before a ledger begins: on fewer, correlations over days are measured too small too often
Key = tuple[int, int, tuple[int, ...]]  # pattern, category and scope of a line, as the codes of its observations


@dataclass(frozen=True)
class Standard:
    """How outcomes are made comparable: clipped at `winsor_sds`, the module's noise counting as `prior` trades."""

    winsor_sds: float
    prior: float


def closed_rows(observations: Observations, until: int, wait: float) -> Bools:
    """Return which rows `(rows,)` belong to the closed days up to `until`, a whole day.

    A decision day is closed `wait` days after its end. Outcomes known later are left out for good, on whichever side
    they end, and are left out of the baseline too.
    """
    day = np.floor(observations.day)
    closed: Bools = (day <= until) & (observations.known <= day + 1 + wait)
    return closed


def standardised(rows: Observations, share: Floats, standard: Standard) -> Floats:
    """Return the outcome `(rows,)` of each row in noise sds of its pattern, less the baseline of its category.

    Noise, limits of clipping, what clipping takes from a pattern on average, and the baseline come from the days before
    the row's own; nothing is clipped while fewer than 20 outcomes are known. NaN where fewer than 20 outcomes of the
    category are known by then, or outcomes do not vary.
    """
    day = np.floor(rows.day).astype(np.int64)
    day -= day.min(initial=0)
    pattern, category = (np.unique(each, return_inverse=True)[1] for each in (rows.pattern, rows.category))
    outcome: Floats = rows.outcome - np.average(rows.outcome, weights=share)
    overall, prior = np.zeros(len(rows), dtype=np.int64), standard.prior
    known = np.maximum(_before(overall, day, share), 1e-9)
    mean = _before(overall, day, share * outcome) / known
    variance = np.maximum(_before(overall, day, share * outcome**2) / known - mean**2, 0.0)
    of_pattern = _before(pattern, day, share)
    centre = (_before(pattern, day, share * outcome) + prior * mean) / (of_pattern + prior)
    squares = _before(pattern, day, share * outcome**2) + prior * (variance + mean**2)
    sd = np.sqrt(np.maximum(squares / (of_pattern + prior) - centre**2, 0))
    limit = np.where(known >= FEWEST, standard.winsor_sds * sd, np.inf)
    clipped = np.clip(outcome, centre - limit, centre + limit)
    kept = clipped + _before(pattern, day, share * (outcome - clipped)) / (of_pattern + prior)
    of_category = _before(category, day, share)
    is_known = (of_category >= FEWEST) & (sd > 1e-9)
    baseline = _before(category, day, share * kept) / np.maximum(of_category, 1e-9)
    return np.where(is_known, (kept - baseline) / np.where(is_known, sd, 1), np.nan)


def _before(group: Ints, day: Ints, values: Floats) -> Floats:
    """Return the sum `(rows,)` of the values of a row's group on the days before its own.

    >>> _before(np.zeros(3, int), np.array([0, 0, 2]), np.array([1.0, 2.0, 4.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    days = int(day.max(initial=0)) + 1
    by_day = np.bincount(group * days + day, values, (int(group.max(initial=0)) + 1) * days).reshape(-1, days)
    sums: Floats = (np.cumsum(by_day, axis=1) - by_day)[group, day].astype(np.float64)
    return sums


def dependence_of(rows: Observations, share: Floats, outcome: Floats) -> DayDependence:
    """Return the correlation of outcomes `(rows,)` of one pattern within a day, and how it fades with days between."""
    known = np.isfinite(outcome)
    if not known.any():
        return DayDependence(0.0, 0.0)
    taken, weight = rows.take(known), share[known]
    pattern = np.unique(taken.pattern, return_inverse=True)[1]
    day = np.floor(taken.day).astype(np.int64)
    lags = DecisionDays(day, taken.cluster, weight, weight, outcome[known], pattern).of_patterns
    if not len(lags):
        return DayDependence(0.0, 0.0)
    phi = min(float(lags[1] / lags[0]), MOST_PHI) if len(lags) > 1 else 0.0
    return DayDependence(min(float(lags[0]) * (PERSISTENT if phi else 1.0), 1.0), phi)


@dataclass(frozen=True, eq=False)
class LineDays:
    """Lines, and their outcomes by day, sorted by day: a row for each line and day.

    lines  the key of each line
    first  (lines,) the first day on which it has an outcome
    line   (rows,) position of the line
    day    (rows,)
    n      (rows,) number of outcomes, in shares of units
    total  (rows,) their sum, in sds
    """

    lines: list[Key]
    first: Ints
    line: Ints
    day: Ints
    n: Floats
    total: Floats

    def by_day(self) -> Iterator[tuple[int, Ints, Floats, Floats]]:
        """Yield each day: its number, lines, counts and sums."""
        days, starts = np.unique(self.day, return_index=True)
        ends = np.append(starts[1:], len(self.day))
        for day, start, end in zip(days.tolist(), starts.tolist(), ends.tolist(), strict=True):
            yield day, self.line[start:end], self.n[start:end], self.total[start:end]

    def only(self, wanted: Bools) -> LineDays:
        """Return the rows that are wanted `(rows,)`."""
        return replace(self, line=self.line[wanted], day=self.day[wanted], n=self.n[wanted], total=self.total[wanted])


def line_days(rows: Observations, share: Floats, outcome: Floats, most_dims: int) -> LineDays:
    """Return the lines with at least 20 units, of at most so many dimensions, with all of their days.

    Which lines there are depends on counts alone. Rows whose outcome is NaN are left out.
    """
    known = np.isfinite(outcome)
    rows, share, outcome = rows.take(known), share[known], outcome[known]
    coding, units = Coding.of(rows, FEWEST), UnitCounts(rows.cluster)
    digits = coding.digits(rows.pattern, rows.category, rows.scope)
    day = np.floor(rows.day).astype(np.int64)
    start, days = int(day.min(initial=0)), int(day.max(initial=0)) - int(day.min(initial=0)) + 1
    lines: list[Key] = []
    parts: list[tuple[Ints, Ints, Floats, Floats]] = []
    dimensions = range(FIRST_DIMENSION, len(digits))
    for size in range(most_dims + 1):
        for subset in combinations(dimensions, size):
            cells = number_cells(digits, coding.widths, (Owner.OWN, *subset), units, FEWEST)
            inside = np.flatnonzero(cells.cell < len(cells))
            both, at = np.unique(cells.cell[inside].astype(np.int64) * days + day[inside] - start, return_inverse=True)
            n, total = _sums(at, share[inside]), _sums(at, share[inside] * outcome[inside])
            parts.append((both // days + len(lines), both % days + start, n, total))
            lines += _keys(coding, cells.key, subset)
    line, of_day, n, total = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((line, of_day))
    first = np.full(len(lines), np.iinfo(np.int64).max)
    np.minimum.at(first, line, of_day)
    return LineDays(lines, first, line[order], of_day[order], n[order], total[order])


def _sums(group: Ints, values: Floats) -> Floats:
    sums: Floats = np.bincount(group, values).astype(np.float64)
    return sums


def _keys(coding: Coding, key: Ints, subset: tuple[int, ...]) -> list[Key]:
    """Return what the cells of a subset of dimensions stand for."""
    group, *values = digits_of(key, coding.widths, (Owner.OWN, *subset))
    pattern = coding.patterns[coding.group_pattern[group - 1]]
    category = coding.categories[coding.group_category[group - 1]]
    scope = np.full((len(key), len(coding.values)), MISSING, dtype=np.int64)
    for column, digit in zip(subset, values, strict=True):
        scope[:, column - FIRST_DIMENSION] = coding.codes(column, digit)
    return list(zip(pattern.tolist(), category.tolist(), map(tuple, scope.tolist()), strict=True))


def with_shares(rows: Observations) -> tuple[Observations, Floats]:
    """Return rows in an order that depends on their content alone, and the share of each in its unit."""
    share = shares(rows)
    keys = (share, rows.outcome, *rows.scope.T, rows.category, rows.pattern, rows.day)
    order = np.lexsort(keys)
    return rows.take(order), share[order]
