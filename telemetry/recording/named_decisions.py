"""What is known of the decisions that actions name: whether they fit, and which trade each of them counts for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from telemetry.core.decision_fit import Acted, Asked, Misfit, misfit
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.models import Attribution, DecisionOutcome, PendingAttribution
from telemetry.recording.outcome_scopes import restore_scopes

MAX_WAIT = timedelta(hours=1)  # of a trade for the decisions that it names
HAS_WAITED = MAX_WAIT + timedelta(microseconds=1)
Naming = tuple[str, str]  # a decision, and the external id of a trade that names it

ASKED = """
SELECT json_build_array(decision_id, module, pattern_key, action_category, at, request -> 'book',
    request -> 'reported_at')::text
FROM telemetry_decision WHERE decision_id = ANY(%s::uuid[])
"""
CREDITS = "SELECT decision_id::text, external_id FROM telemetry_decisioncredit WHERE decision_id = ANY(%s::uuid[])"
# Which of the decisions several actions name; few are. What these actions and their trades say is read by NAMINGS, by
# their ids: how many actions name a decision cannot be estimated, and a join would read all trades and all actions.
NAMED_AGAIN = """
SELECT wanted.id::text, naming.actions FROM unnest(%s::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT array_agg(action.id) AS actions FROM telemetry_action AS action
    WHERE action.decision_ids @> ARRAY[wanted.id] AND NOT (action.decision_ids = '{}'::uuid[])
) AS naming WHERE cardinality(naming.actions) > 1
"""
# Of all revisions of trades. Action ids grow in the order of recording. A current revision counts unless a trade of a
# better book tells the same position.
NAMINGS = """
SELECT action.id, trade.external_id, trade.revision, trade.rr IS NOT NULL,
    trade.is_current AND trade.superseded_by = '',
    action.module, action.pattern_key, action.action_category, action.at, trade.book
FROM telemetry_action AS action JOIN telemetry_trade AS trade ON trade.id = action.trade_id
WHERE action.id = ANY(%s::bigint[])
"""
CLAIM = """
INSERT INTO telemetry_decisioncredit (decision_id, external_id)
SELECT * FROM ROWS FROM (unnest(%s::uuid[]), json_array_elements_text(%s)) AS claimed (id, trade) ORDER BY id
ON CONFLICT (decision_id) DO NOTHING
"""
RELEASE = """
DELETE FROM telemetry_decisioncredit AS credit
USING ROWS FROM (unnest(%s::uuid[]), json_array_elements_text(%s)) AS released (id, trade)
WHERE credit.decision_id = released.id AND credit.external_id = released.trade
"""
ARRIVED = """
SELECT DISTINCT outcome.trade_id FROM telemetry_decisionoutcome AS outcome
JOIN LATERAL (SELECT FROM telemetry_decision WHERE decision_id = outcome.decision_id LIMIT 1) AS stored ON true
WHERE outcome.misfit = 'unknown'
"""
ONE_AT_A_TIME = 0x61747472  # the advisory lock of those who attribute or take back what was attributed


@dataclass(frozen=True)
class NamedDecisions:
    """Decisions: what each was made for, and the external id of the trade that it counts for, if several name it."""

    asked: Mapping[str, Asked]
    counts_for: Mapping[str, str]

    def misfit(self, decision_id: str, external_id: str, acted: Acted) -> Misfit | None:
        """Return why an action of this trade may not name the decision, or None if it may."""
        asked = self.asked.get(decision_id)
        if asked is None:
            return Misfit.UNKNOWN
        found = misfit(asked, acted, longest=settings.LONGEST_FROM_DECISION_TO_ACTION)
        if found is None and self.counts_for.get(decision_id, external_id) != external_id:
            return Misfit.TAKEN
        return found


def attribute_alone() -> None:
    """Wait until no other transaction attributes trades or takes attributions back.

    Otherwise two of them could attribute a trade by what the other one is about to change.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


def named_decisions(ids: Collection[str]) -> NamedDecisions:
    """Return what is known of these decisions."""
    rows = [json.loads(row) for (row,) in _rows(ASKED, [as_array(ids)])] if ids else []
    return with_trades(asked_of(rows))


def asked_of(rows: Iterable[Sequence[Any]]) -> dict[str, Asked]:
    """Return what each decision was made for, from rows whose first values are those of ASKED."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_time_simulated()")
        is_simulated = cursor.fetchone()[0]
    found = {}
    for key, module, pattern_key, category, at, book, reported_at, *_ in rows:
        made, reported = None, None
        if not is_simulated:
            made, reported = uuid7_time(UUID(key)), None if reported_at is None else datetime.fromisoformat(reported_at)
        found[key] = Asked(module, pattern_key, category, datetime.fromisoformat(at), book, made, reported)
    return found


def with_trades(asked: Mapping[str, Asked]) -> NamedDecisions:
    """Return decisions with the trades that they count for.

    A decision counts for the trade it is credited to. If it is credited to none yet, it counts for the trade that has
    named it for the longest time without interruption: among those whose current revision counts and fits, the first
    one recorded with a revision that, like all of its later ones, has an rr and an action that names the decision and
    fits it.
    """
    if not asked:
        return NamedDecisions({}, {})
    credited = credits_of(asked.keys())
    return NamedDecisions(asked, _first_to_name(asked, asked.keys() - credited.keys()) | credited)


def credits_of(ids: Collection[str]) -> dict[str, str]:
    """Return decision -> the external id of the trade that it is credited to."""
    return dict(_rows(CREDITS, [as_array(ids)])) if ids else {}


def claim(namings: Iterable[Naming]) -> None:
    """Credit decisions to the trades that they count for. Call it after `attribute_alone`, in the same transaction."""
    _execute(CLAIM, set(namings))


def release(namings: Iterable[Naming], *, now: datetime) -> None:
    """Take back the credit of trades for decisions, because what these trades say of them has changed.

    Other trades that named one of them in vain are marked, so that they are attributed again. Call it after
    `attribute_alone`, in the same transaction.
    """
    released = set(namings)
    _execute(RELEASE, released)
    decisions = {decision for decision, _ in released}
    free = decisions - credits_of(decisions).keys()
    in_vain = DecisionOutcome.objects.filter(decision_id__in=free, misfit=Misfit.TAKEN)
    reopen(set(in_vain.values_list("trade_id", flat=True)) if free else (), now=now)


def decide_again(decisions: Collection[str], *, now: datetime) -> None:
    """Take back all credit for decisions, and mark the trades attributed by it or in vain to be attributed again."""
    credited = credits_of(decisions)
    release(credited.items(), now=now)
    holders = DecisionOutcome.objects.filter(decision_id__in=credited, misfit="", trade__superseded_by="")
    reopen(set(holders.values_list("trade_id", flat=True)) if credited else (), now=now)


def reopen_arrived(*, now: datetime) -> None:
    """Mark the trades that were attributed without a decision which has been stored since.

    It may come from a file written during an outage, or from a client that could not report it, at any later time.
    """
    reopen({row[0] for row in _rows(ARRIVED, [])}, now=now)


def reopen(trades: Collection[UUID], *, now: datetime) -> None:
    """Take back what was attributed to these current trades, and mark them so that they are attributed again.

    They have waited for their decisions before, and do not wait again.
    """
    if not trades:
        return
    Attribution.objects.filter(trade_id__in=trades).delete()
    DecisionOutcome.objects.filter(trade_id__in=trades).delete()
    restore_scopes(trades, now=now)
    marks = [PendingAttribution(trade_id=trade, marked_at=now - HAS_WAITED) for trade in sorted(trades)]
    PendingAttribution.objects.bulk_create(marks, ignore_conflicts=True)


def _first_to_name(asked: Mapping[str, Asked], ids: Collection[str]) -> dict[str, str]:
    """Return decision -> the external id of the trade that it counts for while it is credited to none.

    Those that one trade names are left out: they count for whoever asks.
    """
    since: dict[Naming, dict[int, int]] = {}  # revision that names and fits -> its first action to do so
    standing: dict[Naming, int] = {}  # the current revision of trades that count
    for decision, namings in _named_by_several(ids).items():
        for action, external_id, revision, has_rr, counts, *acted in namings:
            if not has_rr or misfit(asked[decision], Acted(*acted), longest=settings.LONGEST_FROM_DECISION_TO_ACTION):
                continue
            naming = decision, external_id
            revisions = since.setdefault(naming, {})
            revisions[revision] = min(action, revisions.get(revision, action))
            if counts:
                standing[naming] = revision
    begun = {naming: _begun(since[naming], revision) for naming, revision in standing.items()}
    return dict(sorted(begun, key=lambda naming: -begun[naming]))  # the first one overwrites the others


def _named_by_several(ids: Collection[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of NAMINGS of the actions that name each of these decisions, if several trades name it."""
    actions = dict(_rows(NAMED_AGAIN, [as_array(ids)])) if ids else {}
    if not actions:
        return {}
    rows = {row[0]: row for row in _rows(NAMINGS, [as_array({key for keys in actions.values() for key in keys})])}
    namings = {decision: [rows[key] for key in keys] for decision, keys in actions.items()}
    return {decision: found for decision, found in namings.items() if len({row[1] for row in found}) > 1}


def _begun(since: Mapping[int, int], revision: int) -> int:
    """Return where the unbroken row of revisions that ends with this one began."""
    while revision - 1 in since:
        revision -= 1
    return since[revision]


def as_array(ids: Iterable[object]) -> str:
    """Return ids as the text of an array, which is sent many times as fast as a list of them."""
    return "{" + ",".join(map(str, ids)) + "}"


def _execute(statement: str, namings: Collection[Naming]) -> list[Any]:
    """Run a statement over decisions and trades, in the order of the decisions; return its rows, if it has any."""
    if not namings:
        return []
    decisions, trades = zip(*sorted(namings), strict=True)
    return _rows(statement, [as_array(decisions), json.dumps(trades)])


def _rows(statement: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []
