"""Folds by time: decide what came next with what had closed before.

A trade that was open when a fold began is neither learned from in it nor decided: its outcome was not known yet, and
its size was settled already. That gap is the embargo; it needs no number of days.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from learning.core.cells.rows import DAY, Ints, day_of


@dataclass(frozen=True)
class Fold:
    """Learn from what closed before `start`; decide what was decided in [start, end). Microseconds, UTC midnights."""

    start: int
    end: int


def folds_of(at: Ints, count: int) -> tuple[Fold, ...]:
    """`count` folds of about equally many decisions, after a first part as large as they are that is learned from only.

    Cuts lie at UTC midnights, so that no day is in two folds: where few days hold all decisions there are fewer folds,
    and none where all are of one day. Raises ValueError below one fold.

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
