"""What would have been, over the trades of a cell: the best fixed alternative, graded by the R it would have added.

A trade may carry the change of its rr under alternatives of one lever (`later` by bars, a multiple of a distance).
Every alternative is followed through all trades that tell of it, one vote a trade and cluster: a mixture of the best of
each trade would be hindsight. Where trades carry grades alone, their most frequent one stands in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints, Rows
from learning.core.cells.units import run_lengths, runs, unit_means

GRADES = ("none", "small", "medium", "large")
UNGRADED = -1
DECIMALS = 9  # of a mean delta where it meets a limit


@dataclass(frozen=True)
class Grade:
    """How much better an alternative was.

    alternative, mean, se   the best fixed one and its mean delta in R with one standard error; None where the grade is
                            the most frequent of the trades' own
    is_later                whether it acts later than was done
    n                       units (distinct trades, clusters once) that tell of it
    """

    grade: str
    alternative: str | None
    is_later: bool
    mean: float | None
    se: float | None
    n: int

    @property
    def rank(self) -> int:
        return GRADES.index(self.grade)

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Alternatives:
    """What the rows of a group tell of one lever's alternatives.

    deltas   alternative -> (rows,) change of rr in R, NaN where the action does not tell
    grade    (rows,) place in GRADES, -1 where the action does not tell
    """

    deltas: Mapping[str, Floats]
    grade: Ints

    def take(self, index: Ints | Bools) -> Alternatives:
        return Alternatives({name: deltas[index] for name, deltas in self.deltas.items()}, self.grade[index])


def grade_of(
    rows: Rows,
    alternatives: Alternatives,
    *,
    neutral: float,
    n_min: int,
    cutoffs: Sequence[float],
    bucket_is_later: bool,
) -> Grade | None:
    """The grade of a cell's rows, None where fewer than n_min of its trades tell of anything.

    `neutral` is the lever's value as traded: larger alternatives act later, smaller ones sooner. Grades of the trades'
    own name no direction; `bucket_is_later` is theirs. The grade is `none` unless the mean passes one standard error.

    Twelve trades that waiting two bars would have made .8 R better, and one bar .2 R:

    >>> from learning.core.cells.rows import DAY
    >>> count = np.arange(12)
    >>> rows = Rows(np.zeros((12, 0), dtype=np.int64), np.ones(12), count, count, DAY * count)
    >>> told = Alternatives({"1": np.full(12, 0.2), "2": np.full(12, 0.8)}, np.full(12, UNGRADED))
    >>> best = grade_of(rows, told, neutral=0, n_min=10, cutoffs=(0.1, 0.5, 1.5), bucket_is_later=True)
    >>> best.grade, best.alternative, best.is_later, round(best.mean, 6), best.n
    ('medium', '2', True, 0.8, 12)
    """
    measured = [
        (mean, name, value > neutral, se, n)
        for name, value in sorted(_values(alternatives, neutral).items(), key=lambda each: abs(each[1] - neutral))
        for mean, se, n in [_mean(rows, alternatives.deltas[name])]
        if n >= max(n_min, 2)
    ]
    if measured:
        mean, name, is_later, se, n = max(measured, key=lambda each: round(each[0], DECIMALS))
        passes = round(mean, DECIMALS) > round(se, DECIMALS)
        rank = int(np.searchsorted(cutoffs, round(mean, DECIMALS), side="right")) if passes else 0
        return Grade(GRADES[rank], name, is_later, mean, se, n)
    return _most_frequent(rows, alternatives.grade, n_min, bucket_is_later)


def _values(alternatives: Alternatives, neutral: float) -> dict[str, float]:
    """The alternatives that are numbers and not what was done; `never` is later than any number."""
    values = {}
    for name in alternatives.deltas:
        try:
            value = math.inf if name == "never" else float(name)
        except ValueError:
            continue
        if not math.isnan(value) and value != neutral:
            values[name] = value
    return values


def _mean(rows: Rows, deltas: Floats) -> tuple[float, float, int]:
    """Mean delta over units, its standard error and the units; rows that do not tell are left out."""
    told = np.flatnonzero(~np.isnan(deltas))
    order = told[np.lexsort((rows.trade[told], rows.cluster[told]))]
    cell = np.zeros(len(order), dtype=np.int64)
    _, means = unit_means(cell, rows.cluster[order], rows.trade[order], deltas[order])
    if len(means) < 2:
        return 0.0, 0.0, len(means)
    return float(means.mean()), float(means.std(ddof=1)) / math.sqrt(len(means)), len(means)


def _most_frequent(rows: Rows, grade: Ints, n_min: int, is_later: bool) -> Grade | None:
    """The grade with most votes, one vote a unit, split over its rows; among equals the smaller grade."""
    told = np.flatnonzero(grade != UNGRADED)
    order = told[np.argsort(rows.cluster[told], kind="stable")]
    starts = runs(rows.cluster[order])
    if len(starts) < n_min:
        return None
    lengths = run_lengths(starts, len(order))
    votes = np.bincount(grade[order], np.repeat(1.0 / lengths, lengths), len(GRADES))
    return Grade(GRADES[int(np.argmax(np.round(votes, DECIMALS)))], None, is_later, None, None, len(starts))
