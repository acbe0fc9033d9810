"""The noise twin: the same trades with outcomes that say nothing about their scope.

Whatever a policy learns from it, it would learn from luck. Outcomes move only within a pattern and the ISO week of
the close, so that the twin keeps what each pattern earned in each week, and loses what the scope had to do with it.
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
    """The outcomes (rows,) dealt anew, the same for the same seed and rows; all columns have one entry a row.

    judged_by_trade   true for entries, adds and allocations, whose outcome is the trade's rr. Within a pattern and
                      week the trades exchange their rr, and all such actions of a trade take the new one together.
    category          trims and exits are judged each by what followed it: these rows exchange their outcomes within
                      pattern, week and category.
    """
    week, row = week_of(closed_at), np.arange(len(outcomes))
    stratum = (pattern, week, np.where(judged_by_trade, -1, category))
    mover = np.where(judged_by_trade, trade, row)
    order = np.lexsort((row, mover, *stratum))
    moving = runs(*(column[order] for column in (*stratum, mover)))
    strata = tuple(column[order][moving] for column in stratum)
    dealt = np.lexsort((np.random.default_rng(seed).random(len(moving)), *strata))
    # The movers are listed stratum by stratum before and after: each takes the outcome of one of its own stratum.
    permuted = np.empty(len(outcomes))
    permuted[order] = np.repeat(outcomes[order][moving][dealt], run_lengths(moving, len(outcomes)))
    return permuted
