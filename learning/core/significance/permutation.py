"""The noise twin: the same trades, with outcomes permuted so that they are unrelated to scope.

Whatever a learning method learns from it is due to chance. Outcomes are exchanged only within a pattern and the ISO
week of the close, so the twin keeps what each pattern earned in each week and loses only its relation to scope.
"""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints, week_of
from learning.core.cells.units import run_lengths, runs


def permute_outcomes(
    outcomes: Floats,
    *,
    trade: Ints,
    pattern: Ints,
    category: Ints,
    judged_by_trade: Bools,
    closed_at: Ints,
    seed: int,
) -> Floats:
    """Return the permuted outcomes `(rows,)` in R, identical for the same seed and rows; all columns are `(rows,)`.

    judged_by_trade   true for entries, adds and allocations, whose outcome is the trade's rr. The trades of a pattern
                      and week exchange their rr, and all such actions of a trade receive the new one together.
    category          trims and exits are each judged by what followed them: these rows exchange their outcomes within
                      pattern, week and category.
    """
    week, row = week_of(closed_at), np.arange(len(outcomes))
    stratum = (pattern, week, np.where(judged_by_trade, -1, category))
    mover = np.where(judged_by_trade, trade, row)
    order = np.lexsort((row, mover, *stratum))
    moving = runs(*(column[order] for column in (*stratum, mover)))
    strata = tuple(column[order][moving] for column in stratum)
    dealt = np.lexsort((np.random.default_rng(seed).random(len(moving)), *strata))
    # Both lists are ordered by stratum, so each mover receives an outcome of its own stratum.
    permuted = np.empty(len(outcomes))
    permuted[order] = np.repeat(outcomes[order][moving][dealt], run_lengths(moving, len(outcomes)))
    return permuted
