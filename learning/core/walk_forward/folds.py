"""Folds by time: what was known before a fold sizes the trades decided in it.

A trade that was open when a fold began is neither learned from nor sized in that fold: its outcome was not known and
its size was already set. Nor is a sale learned from before what followed it was known. This gap is the embargo, so the
embargo needs no parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from learning.core.cells.rows import DAY, Ints, day_of


@dataclass(frozen=True)
class Fold:
    """Learn from outcomes known before `start`, size those decided in [start, end); microseconds at UTC midnights."""

    start: int
    end: int


def folds_of(at: Ints, count: int) -> tuple[Fold, ...]:
    """Return `count` folds with similar numbers of decisions, after an initial part of that size for learning only.

    `at` `(rows,)` are decision times in microseconds. Folds are cut at UTC midnights, so no day is in two folds; few
    distinct days give fewer folds, and a single day none. Raises ValueError if `count` is below 1.

    >>> noon = DAY * np.arange(6) + DAY // 2
    >>> [(fold.start // DAY, fold.end // DAY) for fold in folds_of(noon, 2)]
    [(2, 4), (4, 6)]
    """
    if count < 1:
        raise ValueError(f"folds: {count} does not fit; ask for 1 or more")
    if len(at) == 0:
        return ()
    days = np.sort(day_of(at))
    parts = [int(days[len(days) * part // (count + 1)]) for part in range(1, count + 1)]
    cuts = [*dict.fromkeys(part for part in parts if part > days[0]), int(days[-1]) + 1]
    return tuple(Fold(start * DAY, end * DAY) for start, end in pairwise(cuts))
