"""Read closed trades and the decisions that they name: each as one text, many times as fast as rows of many columns."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from telemetry.core.decision_trace.trace import effect_of
from telemetry.models.decision_constants import constants_named
from telemetry.recording.named_decisions import NamedDecisions, as_array, asked_of, with_trades

TRADES = """
SELECT json_build_array(trade.id, trade.external_id, trade.book, trade.rr, trade.superseded_by <> '', (
    SELECT json_agg(json_build_array(action.index, action.module, action.pattern_key, action.action_category, action.at,
        action.decision_ids, action.scope, action.applied, action.fraction, action.leg_rr) ORDER BY action.index)
    FROM telemetry_action AS action WHERE action.trade_id = trade.id
))::text
FROM telemetry_trade AS trade WHERE trade.id = ANY(%s::uuid[]) AND trade.is_current AND trade.rr IS NOT NULL
ORDER BY trade.id
"""
DECISIONS = """
SELECT json_build_array(decision_id, module, pattern_key, action_category, at, request -> 'book',
    request -> 'reported_at', scope, effect, encode(trace, 'hex'), movers)::text
FROM telemetry_decision WHERE decision_id = ANY(%s::uuid[])
"""


class Acting(NamedTuple):
    """One action of a closed trade, as far as attribution needs it."""

    action_index: int
    module: str
    pattern_key: str
    category: str
    at: datetime
    decisions: Sequence[str]
    scope: Mapping[str, str]
    applied: Mapping[str, float]
    fraction: float | None
    leg_rr: float | None


class Closed(NamedTuple):
    """A closed trade with its actions; another one may count for the same position."""

    id: str
    external_id: str
    book: str
    rr: float
    is_superseded: bool
    actions: Sequence[Acting]


class Deciding(NamedTuple):
    """A decision, as far as attribution needs it."""

    module: str
    scope: Mapping[str, str]
    effect: Mapping[str, Any]


def closed_trades(ids: Collection[object]) -> list[Closed]:
    """Return the trades of these ids that are current and have an rr, in the order of their ids."""
    return [
        Closed(key, external_id, book, rr, is_superseded, [_acting(*action) for action in actions])
        for key, external_id, book, rr, is_superseded, actions in _documents(TRADES, ids)
    ]


def decisions_named(ids: Collection[str]) -> tuple[dict[str, Deciding], NamedDecisions]:
    """Return the stored ones of these decisions, and which trades they count for."""
    rows = list(_documents(DECISIONS, ids)) if ids else []
    constants = constants_named({key for *_, movers in rows for key in movers or ()})
    found = {
        key: Deciding(module, scope, _effect(effect, trace, movers, constants))
        for key, module, _, _, _, _, _, scope, effect, trace, movers in rows
    }
    return found, with_trades(asked_of(rows))


def _effect(effect: Any, trace: str | None, movers: Sequence[int] | None, constants: Mapping[int, Any]) -> Any:
    return effect if trace is None else effect_of(bytes.fromhex(trace), movers or (), constants)


def _acting(
    index: int, module: str, pattern_key: str, category: str, at: str, decisions: Sequence[str], scope: Any,
    applied: Any, fraction: float | None, leg_rr: float | None,
) -> Acting:  # fmt: skip
    when = datetime.fromisoformat(at)
    return Acting(index, module, pattern_key, category, when, decisions, scope, applied or {}, fraction, leg_rr)


def _documents(statement: str, ids: Collection[object]) -> Iterable[list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [as_array(ids)])
        return [json.loads(row) for (row,) in cursor.fetchall()]
