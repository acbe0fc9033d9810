"""The noise twins of observations: the same facts, in which scope cannot matter (`significance.permutation`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from learning.core.cells.rows import DAY, Ints
from learning.core.evidence_method.observations import Observations
from learning.core.significance.permutation import JUDGED_BY_TRADE, permute_outcomes, shift_scopes


def within_weeks(observations: Observations, categories: Sequence[str], seed: int) -> Observations:
    """Return the observations with outcomes dealt anew within pattern and week of the trade's decision.

    `categories` are the names that the category codes stand for.
    """
    judged_by_trade = np.array([name in JUDGED_BY_TRADE for name in categories])
    outcome = permute_outcomes(
        observations.outcome,
        trade=observations.trade,
        pattern=observations.pattern,
        category=observations.category,
        judged_by_trade=judged_by_trade[observations.category],
        at=_moments(observations),
        seed=seed,
    )
    return replace(observations, outcome=outcome)


def shifted_in_time(observations: Observations, seed: int) -> Observations:
    """Return the observations with the scopes of other times."""
    scope = shift_scopes(
        observations.scope,
        pattern=observations.pattern,
        category=observations.category,
        at=_moments(observations),
        seed=seed,
    )
    return replace(observations, scope=scope)


def _moments(observations: Observations) -> Ints:
    """Return the moment of each trade's first decision in microseconds, the same for all of its actions."""
    trade, moment = observations.trade, np.rint(observations.day * DAY).astype(np.int64)
    first = np.full(int(trade.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, trade, moment)
    moments: Ints = first[trade]
    return moments
