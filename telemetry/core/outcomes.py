"""The outcomes by which actions are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.actions import Action
from telemetry.core.trades import Trade
from telemetry.core.vocabulary import SALES, ActionCategory, Module


@dataclass(frozen=True, slots=True)
class Outcome:
    """One judged action: `rr` in R per unit of size, positive if the action was right.

    `known_at` is the moment from which it may be learned from (see `known_at`).
    """

    action_index: int
    module: Module
    pattern_key: str
    action_category: ActionCategory
    scope: Mapping[str, str]
    rr: float
    closed_at: datetime
    known_at: datetime


def known_at(closed_at: datetime, action_known_at: datetime | None) -> datetime:
    """Return when the outcome of an action and all of its alternatives were known.

    This is the close of its trade, or the `known_at` that the action states if that is later: what an exit spared is
    measured in a window after the close.

    >>> close = datetime(2024, 5, 2, 4)
    >>> known_at(close, None) == known_at(close, datetime(2024, 5, 2, 3)) == close
    True
    >>> known_at(close, datetime(2024, 5, 3, 4))
    datetime.datetime(2024, 5, 3, 4, 0)
    """
    return closed_at if action_known_at is None else max(closed_at, action_known_at)


def judge(trade: Trade) -> tuple[Outcome, ...]:
    """Return the outcomes of a trade's actions, in order; none for an excluded trade.

    An entry, an add and an allocation are judged by the trade's rr. A trim and an exit are judged only by what followed
    them, outcome = -rr_after: if 2R were still to come, the sale was wrong by 2R. (Judged by the trade's own rr every
    trim would look right, since only winners are trimmed.) Without rr_after there is no outcome.
    """
    if trade.excluded_reason is not None:
        return ()
    judged = ((index, action, _result(action, trade.rr)) for index, action in enumerate(trade.actions))
    return tuple(
        Outcome(
            index,
            action.module,
            action.pattern_key,
            action.action_category,
            action.scope,
            rr,
            trade.closed_at,
            known_at(trade.closed_at, action.known_at),
        )
        for index, action, rr in judged
        if rr is not None
    )


def _result(action: Action, rr: float | None) -> float | None:
    return result_of(action.action_category, action.rr_after, rr)


def result_of(category: str, rr_after: float | None, rr: float | None) -> float | None:
    """Return the result by which an action is judged, given what followed it and the trade's own rr; None if none.

    >>> result_of("entry", None, 1.5), result_of("trim", 2.0, 1.5), result_of("exit", None, 1.5)
    (1.5, -2.0, None)
    """
    if category not in SALES:
        return rr
    return None if rr_after is None else 0.0 - rr_after  # 0.0 - x, because -x would turn 0.0 into -0.0
