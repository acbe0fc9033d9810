"""A cell through time: its mean through each day, and week by week.

Days accumulate (what was known by then) and drive a lesson's movement. Weeks are disjoint (what happened in them) and
are the lesson's edge history, the series a half-life can be fitted on: cumulative means are too alike for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints, Rows, day_of, week_of, week_start
from learning.core.cells.units import run_lengths, run_means, runs, unit_means


@dataclass(frozen=True, eq=False)
class Days:
    """The UTC days on which a cell closed trades, in order, and the units and their mean outcome through each."""

    day: Ints
    n: Ints
    mean: Floats


@dataclass(frozen=True, eq=False)
class Weeks:
    """The ISO weeks in which a cell closed trades, in order: Monday 00:00 UTC in microseconds since 1970-01-01,
    and the units and their mean outcome within each."""

    started_at: Ints
    n: Ints
    mean: Floats


def days_of(rows: Rows) -> Days:
    """Units and mean outcome of the rows (any order) through each day, by the close of the trades.

    A cluster counts from its first trade on, with the mean of those of its trades that have closed.
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
    """Where each cluster starts, and by how much each of its trades changes the mean of it so far."""
    starts = runs(cluster)
    lengths = run_lengths(starts, len(cluster))
    total = np.cumsum(outcome)
    total -= np.repeat(total[starts] - outcome[starts], lengths)
    mean = total / (np.arange(1, len(cluster) + 1) - np.repeat(starts, lengths))
    before = np.concatenate([[0.0], mean[:-1]])
    before[starts] = 0.0
    return starts, mean - before


def weeks_of(rows: Rows) -> Weeks:
    """Units and mean outcome of the rows (any order) within each week; a trade's rows close together."""
    week = week_of(rows.closed_at)
    order = np.lexsort((rows.trade, rows.cluster, week))
    unit_week, outcome = unit_means(week[order], rows.cluster[order], rows.trade[order], rows.outcomes[order])
    starts = runs(unit_week)
    return Weeks(week_start(unit_week[starts]), run_lengths(starts, len(unit_week)), run_means(outcome, starts))
