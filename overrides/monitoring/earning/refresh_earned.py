"""Keep the sums of what positions earned by their size, one row for each UTC day, module and book, up to yesterday.

Only days whose trades were recorded, corrected or attributed since the last refresh are computed again; the first
refresh of a UTC day computes all of them. Today's trades follow tomorrow: an interval over days needs whole days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max

from overrides.models import EarnedDay
from overrides.models.earned import WHOLE
from overrides.monitoring.earning.holdback import refresh_holdback
from overrides.monitoring.exploring.refresh_arms import refresh_arms
from telemetry.core.decision_fit import BACKTEST
from telemetry.core.vocabulary import SALES
from telemetry.models import MODULES, AuditEntry
from telemetry.recording.rank_books import told_by_excluded

OVERLAP = timedelta(hours=1)  # what a transaction wrote may become visible that long after its own time
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('refresh earned', 0))"
# Days of the trades recorded or attributed since, of all their revisions, of those that they supersede, and of those
# that other books tell of the same position.
CHANGED = """
WITH fresh AS (
    SELECT external_id, entry_id FROM telemetry_trade WHERE recorded_at >= %(since)s
    UNION SELECT trade.external_id, trade.entry_id FROM telemetry_trade AS trade
        JOIN telemetry_attribution AS attribution ON attribution.trade_id = trade.id
        WHERE attribution.attributed_at >= %(since)s
)
SELECT DISTINCT (closed_at AT TIME ZONE 'UTC')::date FROM telemetry_trade
WHERE external_id IN (SELECT external_id FROM fresh)
OR entry_id <> '' AND entry_id IN (SELECT entry_id FROM fresh)
OR superseded_by <> '' AND superseded_by IN (SELECT external_id FROM fresh)
"""
# A share divided by the outcome that it scales is how far its decision moved the size: (M - M0) * rr / rr.
SUMS = """
INSERT INTO overrides_earnedday (
    module, book, day, positions, moved, replayed, exposure, rr, without_leg, unknown_decision, unfit_decision,
    superseded, without_rr, waiting, opened_before, computed_at
)
WITH began (module, at) AS (SELECT * FROM unnest(%(modules)s::text[], %(began)s::timestamptz[])),
trade AS MATERIALIZED (
    SELECT id, book, closed_at, opened_at, rr, superseded_by, (closed_at AT TIME ZONE 'UTC')::date AS day
    FROM telemetry_trade
    WHERE is_current AND book <> %(hindsight)s
    AND closed_at >= %(first)s AND closed_at < %(until)s
    AND (%(days)s::date[] IS NULL OR (closed_at AT TIME ZONE 'UTC')::date = ANY(%(days)s::date[]))
),
asked AS (
    SELECT trade_id, module, bool_or(lacks_leg) AS lacks_leg FROM (
        SELECT trade_id, unnest(ARRAY['', module]) AS module,
            action_category = 'add' AND decision_ids <> '{}' AND (fraction IS NULL OR leg_rr IS NULL) AS lacks_leg
        FROM telemetry_action WHERE trade_id IN (SELECT id FROM trade)
    ) AS each GROUP BY trade_id, module
),
-- Actions that would have sized the position and name decisions of which none may be used.
undecided AS (
    SELECT trade_id, unnest(ARRAY['', module]) AS module, bool_or(is_unknown) AS is_unknown,
        bool_or(NOT is_unknown) AS is_unfit
    FROM (
        SELECT trade_id, action_index, bool_or(misfit = 'unknown') AS is_unknown FROM telemetry_decisionoutcome
        WHERE misfit <> '' AND trade_id IN (SELECT id FROM trade) GROUP BY 1, 2
    ) AS misnamed JOIN telemetry_action AS action USING (trade_id)
    WHERE action.index = action_index AND action.action_category <> ALL(%(sales)s) AND NOT EXISTS (
        SELECT FROM telemetry_decisionoutcome AS used
        WHERE used.trade_id = misnamed.trade_id AND used.action_index = misnamed.action_index AND used.misfit = ''
    ) GROUP BY trade_id, 2
),
of_decision AS (
    SELECT attribution_id AS trade_id, decision_id, sum(share) AS share FROM telemetry_attributionshare
    WHERE attribution_id IN (SELECT id FROM trade) GROUP BY 1, 2
),
moved AS (
    SELECT of_decision.trade_id, unnest(ARRAY['', action.module]) AS module, share,
        share / nullif(CASE WHEN action.action_category = 'add' THEN action.leg_rr ELSE trade.rr END, 0) AS exposure
    FROM of_decision JOIN trade ON trade.id = of_decision.trade_id
    JOIN LATERAL (
        SELECT module, action_category, leg_rr FROM telemetry_action AS named
        WHERE named.trade_id = of_decision.trade_id AND of_decision.decision_id = ANY(named.decision_ids)
        ORDER BY index LIMIT 1
    ) AS action ON true
),
earned AS (
    SELECT trade_id, module, sum(share) AS replayed, coalesce(sum(exposure), 0) AS exposure
    FROM moved GROUP BY trade_id, module
),
position AS (
    SELECT began.module, trade.book, trade.day, trade.rr, asked.lacks_leg, undecided.is_unknown, undecided.is_unfit,
        earned.replayed, earned.exposure,
        CASE WHEN trade.superseded_by <> '' OR trade.id = ANY(%(told_better)s::uuid[]) THEN 'superseded'
             WHEN trade.rr IS NULL THEN 'without rr'
             WHEN trade.opened_at < began.at THEN 'opened before'
             WHEN pending.trade_id IS NOT NULL THEN 'waiting'
             ELSE '' END AS left_out
    FROM trade JOIN began ON trade.closed_at >= began.at
    JOIN asked ON asked.trade_id = trade.id AND asked.module = began.module
    LEFT JOIN earned ON earned.trade_id = trade.id AND earned.module = began.module
    LEFT JOIN undecided ON undecided.trade_id = trade.id AND undecided.module = began.module
    LEFT JOIN telemetry_pendingattribution AS pending ON pending.trade_id = trade.id
)
SELECT module, book, day,
    count(*) FILTER (WHERE left_out = ''),
    count(*) FILTER (WHERE left_out = '' AND replayed IS NOT NULL),
    coalesce(sum(replayed) FILTER (WHERE left_out = ''), 0),
    coalesce(sum(exposure) FILTER (WHERE left_out = ''), 0),
    coalesce(sum(rr) FILTER (WHERE left_out = ''), 0),
    count(*) FILTER (WHERE left_out = '' AND lacks_leg),
    count(*) FILTER (WHERE left_out = '' AND is_unknown),
    count(*) FILTER (WHERE left_out = '' AND is_unfit),
    count(*) FILTER (WHERE left_out = 'superseded'),
    count(*) FILTER (WHERE left_out = 'without rr'),
    count(*) FILTER (WHERE left_out = 'waiting'),
    count(*) FILTER (WHERE left_out = 'opened before'),
    %(now)s
FROM position GROUP BY module, book, day
"""


def refresh_earned(*, now: datetime, everything: bool = False) -> int:
    """Replace the sums of the days whose trades changed and return how many rows were written.

    All days, and the contrast of the holdback, are computed by the first refresh of a UTC day, and with `everything`.
    What came of explored positions is kept too, and not counted.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LOCK)
        refresh_arms(now=now, everything=everything)
        days = None if everything else _changed_days(now)
        rows = EarnedDay.objects.all() if days is None else EarnedDay.objects.filter(day__in=days)
        rows.delete()
        began = first_switched_on()
        if days is None:
            refresh_holdback(now=now)
        if not began or days == []:
            return 0
        began = began | {WHOLE: min(began.values())}
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with connection.cursor() as cursor:
            cursor.execute(
                SUMS,
                {
                    "modules": list(began), "began": list(began.values()), "hindsight": BACKTEST, "until": midnight,
                    "first": min(began.values()),  # a value, whose selectivity the planner can estimate
                    "days": days, "now": now, "sales": list(SALES), "told_better": told_by_excluded(),
                },
            )  # fmt: skip
            return int(cursor.rowcount)


def first_switched_on() -> dict[str, datetime]:
    """Return when each module was first served to bots, by the audit trail; modules that never were are left out."""
    found: dict[str, datetime] = {}
    objects = {f"mode {module}": module for module, _ in MODULES}
    for entry in AuditEntry.objects.filter(object__in=list(objects), action="mode").order_by("seq"):
        content: Mapping[str, object] = json.loads(entry.content)
        after = content.get("after")
        if isinstance(after, Mapping) and after.get("mode") == "on":
            at = datetime.fromisoformat(str(content["at"]))
            module = objects[str(entry.object)]
            found[module] = min(at, found.get(module, at))
    return found


def _changed_days(now: datetime) -> list[date] | None:
    """Return the days to compute again; None: all of them."""
    last = EarnedDay.objects.aggregate(last=Max("computed_at"))["last"]
    if last is None or last.astimezone(UTC).date() < now.astimezone(UTC).date():
        return None
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, {"since": last - OVERLAP})
        return [day for (day,) in cursor.fetchall()]
