"""What is known of the decisions that actions name: whether they fit, and which trade each of them counts for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from telemetry.core.decision_fit import Acted, Asked, Misfit, misfit
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.models import Attribution, DecisionOutcome, PendingAttribution
from telemetry.recording.outcome_scopes import restore_scopes

Naming = tuple[UUID, str]  # a decision, and the external id of a trade that names it

ASKED = """
SELECT decision_id, module, pattern_key, action_category, at, request ->> 'book',
    (request ->> 'reported_at')::timestamptz, is_time_simulated()
FROM telemetry_decision WHERE decision_id = ANY(%s)
"""
CREDITS = "SELECT decision_id, external_id FROM telemetry_decisioncredit WHERE decision_id = ANY(%s)"
# Every revision of every trade that names one of the decisions; action ids grow in the order of recording.
NAMED = """
SELECT named.id, trade.external_id, trade.is_current AND trade.rr IS NOT NULL, action.id, action.module,
    action.pattern_key, action.action_category, action.at, trade.book
FROM unnest(%s::uuid[]) AS named (id)
JOIN telemetry_action AS action ON action.decision_ids @> ARRAY[named.id] AND NOT (action.decision_ids = '{}'::uuid[])
JOIN telemetry_trade AS trade ON trade.id = action.trade_id
"""
CLAIM = """
INSERT INTO telemetry_decisioncredit (decision_id, external_id)
SELECT * FROM unnest(%s::uuid[], %s::text[]) AS claimed (id, trade) ORDER BY id
ON CONFLICT (decision_id) DO NOTHING
"""
RELEASE = """
DELETE FROM telemetry_decisioncredit AS credit USING unnest(%s::uuid[], %s::text[]) AS released (id, trade)
WHERE credit.decision_id = released.id AND credit.external_id = released.trade
RETURNING credit.decision_id
"""


@dataclass(frozen=True)
class NamedDecisions:
    """A set of decisions: what each was made for, and the external id of the trade that it counts for, if any."""

    asked: Mapping[UUID, Asked]
    counts_for: Mapping[UUID, str]

    def misfit(self, decision_id: UUID, external_id: str, acted: Acted) -> Misfit | None:
        """Return why an action of this trade may not name the decision, or None if it may."""
        asked = self.asked.get(decision_id)
        if asked is None:
            return Misfit.UNKNOWN
        found = misfit(asked, acted, longest=settings.LONGEST_FROM_DECISION_TO_ACTION)
        if found is None and self.counts_for.get(decision_id, external_id) != external_id:
            return Misfit.TAKEN
        return found


def named_decisions(ids: Collection[UUID]) -> NamedDecisions:
    """Return what is known of these decisions.

    A decision counts for the trade it is credited to; if it is credited to none yet, for the one that was the first to
    name it, in whichever revision, among those whose current revision it fits and has an rr.
    """
    if not ids:
        return NamedDecisions({}, {})
    asked = {
        key: Asked(
            module,
            pattern_key,
            category,
            at,
            book,
            made_at=None if is_simulated else uuid7_time(key),
            reported_at=None if is_simulated else reported_at,
        )
        for key, module, pattern_key, category, at, book, reported_at, is_simulated in _rows(ASKED, [sorted(ids)])
    }
    credited = credits_of(asked.keys())
    return NamedDecisions(asked, _first_to_name(asked, asked.keys() - credited.keys()) | credited)


def credits_of(ids: Collection[UUID]) -> dict[UUID, str]:
    """Return decision -> the external id of the trade that it is credited to."""
    return dict(_rows(CREDITS, [sorted(ids)]))


def claim(namings: Iterable[Naming]) -> set[Naming]:
    """Credit decisions to trades; return those that another trade was quicker to be credited with.

    The table holds one trade for a decision, whichever workers attribute at the same time.
    """
    wanted = set(namings)
    _execute(CLAIM, wanted)
    holders = credits_of({decision for decision, _ in wanted})
    return {naming for naming in wanted if holders[naming[0]] != naming[1]}


def release(namings: Iterable[Naming], *, now: datetime) -> None:
    """Take back the credit of trades for decisions they name no longer or do not fit.

    Other trades that named one of them in vain are marked, so that they are attributed again.
    """
    freed = {row[0] for row in _execute(RELEASE, set(namings))}
    waiting = DecisionOutcome.objects.filter(decision_id__in=freed, misfit=Misfit.TAKEN, trade__is_current=True)
    if freed:
        reopen(set(waiting.values_list("trade_id", flat=True)), now=now)


def reopen(trades: Collection[UUID], *, now: datetime) -> None:
    """Take back what was attributed to these current trades, and mark them so that they are attributed again."""
    if not trades:
        return
    Attribution.objects.filter(trade_id__in=trades).delete()
    DecisionOutcome.objects.filter(trade_id__in=trades).delete()
    restore_scopes(trades, now=now)
    marks = [PendingAttribution(trade_id=trade, marked_at=now) for trade in sorted(trades)]
    PendingAttribution.objects.bulk_create(marks, ignore_conflicts=True)


def _first_to_name(asked: Mapping[UUID, Asked], ids: Collection[UUID]) -> dict[UUID, str]:
    """Return decision -> the external id of the first trade that names it and fits it."""
    first: dict[Naming, int] = {}
    fitting: set[Naming] = set()
    for decision, external_id, counts, action, *acted in _rows(NAMED, [sorted(ids)]) if ids else ():
        naming = decision, external_id
        first[naming] = min(action, first.get(naming, action))
        longest = settings.LONGEST_FROM_DECISION_TO_ACTION
        if counts and misfit(asked[decision], Acted(*acted), longest=longest) is None:
            fitting.add(naming)
    return dict(sorted(fitting, key=lambda naming: -first[naming]))  # the first one overwrites the others


def _execute(statement: str, namings: Collection[Naming]) -> list[Any]:
    """Run a statement over decisions and trades, in the order of the decisions; return its rows, if it has any."""
    if not namings:
        return []
    decisions, trades = zip(*sorted(namings), strict=True)
    return _rows(statement, [list(decisions), list(trades)])


def _rows(statement: str, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []
