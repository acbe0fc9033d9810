"""Keep what came of the positions whose levers are explored: outcome, replays of both arms, and what was lost by them.

Each refresh adds the positions that closed since; the first of a UTC day computes all of them anew, and so takes up the
trades that were corrected. What alternatives lost counts against the budget of their week from then on.

A bot says what it took, in `taken_arms` beside the replays or in `applied`. Where that is not the value drawn, the
position did not have its arm.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min

from overrides.core.monitoring.exploring.arm_effect import is_value, replay_at
from overrides.models import ArmOutcome, ArmPosition
from telemetry.core.decision_fit import BACKTEST

OVERLAP = timedelta(hours=1)  # what a transaction wrote may become visible, or be attributed, that long after
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('refresh arms', 0))"
# The first closed trade of every admitted position, the first of its actions that replays the lever, and what each of
# its actions says was taken. A position whose answers were all given without the budget's consent was never explored;
# an action that names such an answer says nothing of the draw.
CLOSED = """
SELECT DISTINCT ON (position.id) position.id, position.alternative, position.is_alternative,
    (drawn.value ->> 'served')::float8, trade.book, trade.closed_at, trade.rr, replayed.replays, told.taken
FROM telemetry_trade AS trade
JOIN telemetry_decisionoutcome AS outcome ON outcome.trade_id = trade.id AND outcome.misfit = ''
JOIN telemetry_decision AS decision ON decision.decision_id = outcome.decision_id
CROSS JOIN LATERAL jsonb_each(decision.request -> 'arms') AS drawn
JOIN overrides_armposition AS position ON position.module = decision.module AND position.lever = drawn.key
    AND position.position_key = decision.request ->> 'position_key'
LEFT JOIN LATERAL (
    SELECT action.replays -> position.lever AS replays FROM telemetry_action AS action
    WHERE action.trade_id = trade.id AND action.module = position.module AND action.replays ? position.lever
    ORDER BY action.index LIMIT 1
) AS replayed ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(
        said.served, action.applied -> position.lever, action.taken_arms -> position.lever
    )) AS taken
    FROM telemetry_action AS action LEFT JOIN LATERAL (
        SELECT bool_or((own.request #>> ARRAY['arms', position.lever, 'admitted'])::boolean) AS is_admitted,
            max((own.request #>> ARRAY['arms', position.lever, 'served'])::float8) AS served, count(*) AS answers
        FROM telemetry_decision AS own WHERE own.decision_id = ANY(action.decision_ids)
    ) AS said ON true
    WHERE action.trade_id = trade.id AND action.module = position.module
    AND (action.applied ? position.lever OR action.taken_arms ? position.lever)
    AND (said.is_admitted OR said.answers = 0)
) AS told ON true
WHERE trade.is_current AND trade.superseded_by = '' AND trade.rr IS NOT NULL AND trade.book <> %(hindsight)s
AND trade.closed_at >= %(first)s AND trade.closed_at <= %(now)s
AND (%(since)s::timestamptz IS NULL OR trade.recorded_at >= %(since)s)
AND decision.request ? 'arms' AND position.is_admitted AND (drawn.value ->> 'admitted')::boolean
ORDER BY position.id, trade.closed_at, trade.id, decision.decision_id
"""


def refresh_arms(*, now: datetime, everything: bool = False) -> int:
    """Add the outcomes of positions that closed, and return how many rows were written."""
    first = ArmPosition.objects.aggregate(first=Min("drawn_at"))["first"]
    if first is None:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LOCK)
        last = ArmOutcome.objects.aggregate(last=Max("computed_at"))["last"]
        is_new_day = last is None or last.astimezone(UTC).date() < now.astimezone(UTC).date()
        since = None if everything or is_new_day else last - OVERLAP
        if since is None:
            ArmOutcome.objects.all().delete()
        rows = ArmOutcome.objects.bulk_create(_closed(first, since, now), ignore_conflicts=since is not None)
        return len(rows)


def _closed(first: datetime, since: datetime | None, now: datetime) -> Iterator[ArmOutcome]:
    with connection.cursor() as cursor:
        cursor.execute(CLOSED, {"hindsight": BACKTEST, "first": first, "since": since, "now": now})
        found: list[tuple[Any, ...]] = cursor.fetchall()
    for position, alternative, is_alternative, served, book, closed_at, rr, replays, told in found:
        arms, reports = _read(replays) or {}, _read(told) or []
        other, own = replay_at(arms, alternative), replay_at(arms, served)
        took_other = _took_other(reports, alternative if is_alternative else None, served)
        is_exposed = is_alternative and not took_other
        lost = max(0.0, own - other) if is_exposed and other is not None and own is not None else 0.0
        yield ArmOutcome(
            position_id=position,
            book=book,
            day=closed_at.astimezone(UTC).date(),
            rr=rr,
            replay_alternative=other,
            replay_served=own,
            lost=lost,
            took_other=took_other,
            computed_at=now,
        )


def _took_other(
    reports: Iterable[tuple[float | None, float | None, str | None]], alternative: float | None, served: float
) -> bool:
    """Return whether a report tells another value than the drawn one: the alternative, or what was served (None).

    Each report holds what its own answer served without the alternative, the value applied and the arm taken.
    """
    return any(
        not is_value(told, alternative if alternative is not None else served if own is None else own)
        for own, *values in reports
        for told in values
        if told is not None
    )


def _read(column: Any) -> Any:
    return json.loads(column) if isinstance(column, str) else column
