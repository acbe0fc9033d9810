"""The best fixed alternative of a cell's trades, graded by the R it would have added.

A trade tells the change of its rr under alternatives of one lever (`later` by bars, a multiple of a distance), summed
over all of its actions (`trade_deltas`). Each alternative is evaluated over all trades that tell of it, one vote for
each trade or cluster; picking the best alternative of each trade would be hindsight. Where no trade tells any, the most
frequent of the grades that actions carry stands in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Floats, Ints, Rows
from learning.core.cells.units import run_lengths, runs, unit_means

GRADES = ("none", "small", "medium", "large")
UNGRADED = -1
DECIMALS = 9  # to which a mean delta is rounded before it is compared with a limit


@dataclass(frozen=True)
class Grade:
    """How much better an alternative would have been.

    grade                   none, small, medium or large
    alternative, mean, se   the best fixed alternative, its mean delta in R and standard error; None if the grade is
                            the most frequent one reported by the trades
    is_later                whether the alternative acts later than the trade did
    n                       units (distinct trades, a cluster counting once) that report it
    """

    grade: str
    alternative: str | None
    is_later: bool
    mean: float | None
    se: float | None
    n: int

    @property
    def rank(self) -> int:
        """The position of the grade in GRADES, 0 to 3."""
        return GRADES.index(self.grade)

    def to_document(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)


def grade_of(
    rows: Rows, deltas: Mapping[str, Floats], *, neutral: float, n_min: int, cutoffs: Sequence[float]
) -> Grade | None:
    """Return the grade of a cell's trades, or None if fewer than n_min of its units tell of any alternative.

    `deltas` has the change of rr `(rows,)` in R under each alternative, NaN where the trade does not tell. `neutral` is
    the lever's value as traded: larger alternatives act later, smaller ones sooner. `cutoffs` are the smallest mean
    deltas in R of small, medium and large. The grade is `none` unless the mean exceeds one standard error. Example:
    twelve trades that would have earned .8 R more after waiting two bars, and .2 R more after one.

    >>> from learning.core.cells.rows import DAY
    >>> count = np.arange(12)
    >>> rows = Rows(np.zeros((12, 0), dtype=np.int64), np.ones(12), count, count, DAY * count)
    >>> told = {"1": np.full(12, 0.2), "2": np.full(12, 0.8)}
    >>> best = grade_of(rows, told, neutral=0, n_min=10, cutoffs=(0.1, 0.5, 1.5))
    >>> best.grade, best.alternative, best.is_later, round(best.mean, 6), best.n
    ('medium', '2', True, 0.8, 12)
    """
    measured = [
        (mean, name, value > neutral, se, n)
        for name, value in sorted(_values(deltas, neutral).items(), key=lambda each: abs(each[1] - neutral))
        for mean, se, n in [_mean(rows, deltas[name])]
        if n >= max(n_min, 2)
    ]
    if not measured:
        return None
    mean, name, is_later, se, n = max(measured, key=lambda each: round(each[0], DECIMALS))
    passes = round(mean, DECIMALS) > round(se, DECIMALS)
    rank = int(np.searchsorted(cutoffs, round(mean, DECIMALS), side="right")) if passes else 0
    return Grade(GRADES[rank], name, is_later, mean, se, n)


def most_frequent_grade(rows: Rows, grade: Ints, *, n_min: int, is_later: bool) -> Grade | None:
    """Return the grade with most votes, one vote for each unit, split over its rows; ties take the smaller grade.

    `grade` `(rows,)` has positions in GRADES, UNGRADED for actions that carry none. Such grades have no direction;
    `is_later` supplies it. None if fewer than n_min units carry any.
    """
    reported = np.flatnonzero(grade != UNGRADED)
    order = reported[np.argsort(rows.cluster[reported], kind="stable")]
    starts = runs(rows.cluster[order])
    if len(starts) < n_min:
        return None
    lengths = run_lengths(starts, len(order))
    votes = np.bincount(grade[order], np.repeat(1.0 / lengths, lengths), len(GRADES))
    return Grade(GRADES[int(np.argmax(np.round(votes, DECIMALS)))], None, is_later, None, None, len(starts))


def _values(deltas: Mapping[str, Floats], neutral: float) -> dict[str, float]:
    """Return alternative -> value for the numeric alternatives other than neutral; `never` is later than any number."""
    values = {}
    for name in deltas:
        try:
            value = math.inf if name == "never" else float(name)
        except ValueError:
            continue
        if not math.isnan(value) and value != neutral:
            values[name] = value
    return values


def _mean(rows: Rows, deltas: Floats) -> tuple[float, float, int]:
    """Return the mean delta over units, its standard error, and the units; rows that report nothing are left out."""
    reported = np.flatnonzero(~np.isnan(deltas))
    order = reported[np.lexsort((rows.trade[reported], rows.cluster[reported]))]
    cell = np.zeros(len(order), dtype=np.int64)
    _, means = unit_means(cell, rows.cluster[order], rows.trade[order], deltas[order])
    if len(means) < 2:
        return 0.0, 0.0, len(means)
    return float(means.mean()), float(means.std(ddof=1)) / math.sqrt(len(means)), len(means)
