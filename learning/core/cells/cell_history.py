"""The history of a cell: its cumulative mean by day, and its separate mean in each week.

Days are cumulative (what was known by then) and drive the movement of a lesson's levers. Weeks are disjoint (what
happened in them). They form the lesson's edge history, the series to which a half-life is fitted; cumulative means are
too strongly correlated for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints, Rows, day_of, week_of, week_start
from learning.core.cells.units import run_lengths, run_means, runs, unit_means


@dataclass(frozen=True, eq=False)
class Days:
    """Cumulative history: the UTC days on which a cell closed trades, ascending, with units and mean outcome so far.

    day   (days,) UTC days since 1970-01-01
    n     (days,) units closed up to and including the day
    mean  (days,) mean outcome of those units in R
    """

    day: Ints
    n: Ints
    mean: Floats


@dataclass(frozen=True, eq=False)
class Weeks:
    """Weekly history: the ISO weeks in which a cell closed trades, ascending.

    started_at  (weeks,) Monday 00:00 UTC in microseconds since 1970-01-01
    n           (weeks,) units closed within the week
    mean        (weeks,) mean outcome of those units in R
    """

    started_at: Ints
    n: Ints
    mean: Floats


def days_of(rows: Rows) -> Days:
    """Return the cumulative units and mean outcome of the rows (in any order), by the day their trades closed.

    A cluster counts from its first closed trade on, with the mean of those of its trades that have closed so far.
    """
    order = np.lexsort((rows.trade, rows.cluster))
    rows = rows.take(order)
    trades = runs(rows.cluster, rows.trade)
    if len(trades) == 0:
        return Days(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    cluster, outcome = rows.cluster[trades], run_means(rows.outcomes, trades)
    day = day_of(np.maximum.reduceat(rows.closed_at, trades))
    order = np.lexsort((day, cluster))
    starts, change = _changes_of_mean(cluster[order], outcome[order])
    days, at = np.unique(day[order], return_inverse=True)
    n = np.cumsum(np.bincount(at[starts], minlength=len(days)))
    return Days(days, n, np.cumsum(np.bincount(at, change)) / n)


def _changes_of_mean(cluster: Ints, outcome: Floats) -> tuple[Ints, Floats]:
    """Return where each cluster starts, and by how much each trade changes its cluster's running mean."""
    starts = runs(cluster)
    lengths = run_lengths(starts, len(cluster))
    total = np.cumsum(outcome)
    total -= np.repeat(total[starts] - outcome[starts], lengths)
    mean = total / (np.arange(1, len(cluster) + 1) - np.repeat(starts, lengths))
    before = np.concatenate([[0.0], mean[:-1]])
    before[starts] = 0.0
    return starts, mean - before


def weeks_of(rows: Rows) -> Weeks:
    """Return the units and mean outcome of the rows (in any order) within each ISO week.

    All rows of one trade must have the same close.
    """
    week = week_of(rows.closed_at)
    order = np.lexsort((rows.trade, rows.cluster, week))
    unit_week, outcome = unit_means(week[order], rows.cluster[order], rows.trade[order], rows.outcomes[order])
    starts = runs(unit_week)
    return Weeks(week_start(unit_week[starts]), run_lengths(starts, len(unit_week)), run_means(outcome, starts))
