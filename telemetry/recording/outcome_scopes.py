"""The scope in which an action is learned from: the one that was asked, where it names a decision that fits it.

An outcome is replaced by one of the other scope and never changed, so that what was read of it before can be told apart
by its id. Its group, and its trade if it is an allocation, are marked to be read again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from telemetry.core.vocabulary import ActionCategory
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import FreshTrade, Outcome
from telemetry.recording.dirty_groups import mark_groups

KEPT = tuple(str(field.column) for field in Outcome._meta.concrete_fields if field.name not in ("id", "scope"))
REPLACE = """
WITH wanted AS MATERIALIZED ({wanted}),
gone AS (
    DELETE FROM telemetry_outcome AS outcome USING wanted
    WHERE outcome.trade_id = wanted.trade_id AND outcome.action_index = wanted.index
        AND outcome.scope <> wanted.scope
    RETURNING outcome.*, wanted.scope AS asked
)
INSERT INTO telemetry_outcome ({columns}, scope) SELECT {columns}, asked FROM gone
RETURNING trade_id, module, pattern_key, action_category
"""
GIVEN = "SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::jsonb[]) AS given (trade_id, index, scope)"
AS_SENT = "SELECT trade_id, index, scope FROM telemetry_action WHERE trade_id = ANY(%s)"


def learn_in_scopes(scopes: Mapping[tuple[str, int], Mapping[str, str]], *, now: datetime) -> int:
    """Give the outcomes of actions, named by trade and index, these scopes; return the number that had another."""
    if not scopes:
        return 0
    places = sorted(scopes)
    texts = [fact_json(scopes[place]) for place in places]
    return _replace(GIVEN, [[trade for trade, _ in places], [index for _, index in places], texts], now)


def restore_scopes(trades: Collection[UUID], *, now: datetime) -> int:
    """Give all outcomes of these trades the scopes that were sent; return the number that had another."""
    return _replace(AS_SENT, [sorted(trades)], now)


def _replace(wanted: str, parameters: list[Any], now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(REPLACE.format(wanted=wanted, columns=", ".join(KEPT)), parameters)
        replaced = cursor.fetchall()
    mark_groups({(*group, trade) for trade, *group in replaced}, now)
    allocated = {trade for trade, *_, category in replaced if category == ActionCategory.ALLOCATION}
    FreshTrade.objects.bulk_create(FreshTrade(trade_id=trade, marked_at=now) for trade in sorted(allocated))
    return len(replaced)
