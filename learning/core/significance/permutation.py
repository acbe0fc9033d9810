"""Noise twins: the same trades, changed so that outcomes are unrelated to scope; what is learned is due to chance.

One kind exchanges outcomes within a pattern and an ISO week: it keeps what each pattern earned in each week and loses
its relation to scopes that differ within a week. It cannot test scopes that last for weeks, such as market phases. The
other kind shifts the scopes in time: outcomes and scopes both keep their own course, and lose their relation.
"""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Bools, Codes, Floats, Ints, day_of, week_of
from learning.core.cells.units import run_lengths, runs

JUDGED_BY_TRADE = frozenset({"entry", "add", "allocation"})  # by its result; others by what followed
OFFSETS = 0.15, 0.85  # smallest and largest share of a group by which its scopes are shifted


def permute_outcomes(
    outcomes: Floats,
    *,
    trade: Ints,
    pattern: Ints,
    category: Ints,
    judged_by_trade: Bools,
    at: Ints,
    seed: int,
) -> Floats:
    """Return the permuted outcomes `(rows,)` in R, identical for the same seed and rows; all columns are `(rows,)`.

    at                microseconds since 1970-01-01 UTC; outcomes are exchanged within the week of these moments

    judged_by_trade   true for entries, adds and allocations, whose outcome is the trade's rr. The trades of a pattern
                      and week exchange their rr, and all such actions of a trade receive the new one together.
    category          trims and exits are each judged by what followed them: these rows exchange their outcomes within
                      pattern, week and category.
    """
    week, row = week_of(at), np.arange(len(outcomes))
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


def shift_scopes(scope: Codes, *, pattern: Ints, category: Ints, at: Ints, seed: int) -> Codes:
    """Return the scopes `(rows, dims)`, each taken from an action of the same pattern and category at another time.

    In each group of pattern and category, in the order of days (`at` is `(rows,)` in microseconds), every row takes the
    scope that stands one offset before it, round the end; the offset is one share of the group for all groups, uniform
    between 15 % and 85 %. The order within a day is random, as actions that follow each other in a fixed order would
    keep their relation to scope. The same seed and rows give the same scopes.

    >>> phase, one, day = np.array([[7], [7], [8], [9]]), np.zeros(4, dtype=np.int64), 86_400_000_000
    >>> shift_scopes(phase, pattern=one, category=one, at=day * np.arange(4), seed=1).ravel().tolist()
    [8, 9, 7, 7]
    """
    random = np.random.default_rng(seed)
    share = random.uniform(*OFFSETS)
    order = np.lexsort((random.random(len(at)), day_of(at), category, pattern))
    starts = runs(pattern[order], category[order])
    lengths = run_lengths(starts, len(order))
    first, length = np.repeat(starts, lengths), np.repeat(lengths, lengths)
    offset = (share * length).astype(np.int64)
    source = first + (np.arange(len(order)) - first - offset) % np.maximum(length, 1)
    shifted = np.empty_like(scope)
    shifted[order] = scope[order[source]]
    return shifted
