"""Count what recent requests met: lines, patterns and values, from the decision log since it was counted last.

Every run counts the last two days again, because the answers of local clients reach the log up to a day late and trades
are reported after they close. Times only move forward and daily counts are replaced, so a further run of the same days
changes nothing. What is stored is read by `never_matched`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from overrides.models import KeyUse, UseCounted
from overrides.monitoring.unmet.value_use import count_values, register_values
from telemetry.core.decision_trace.constants import steady
from telemetry.core.decision_trace.trace import unpack_matched
from telemetry.foundation.core.identifiers import uuid7_floor
from telemetry.models import Decision
from telemetry.models.decision_constants import constants_named

WINDOW = timedelta(days=30)  # what no request met for so long is listed
OVERLAP = timedelta(days=2)
DAY = timedelta(days=1)
CHUNK = 5_000  # decisions in memory at a time

_KEYS = """
INSERT INTO overrides_keyuse (module, pattern_key, action_category, day, decisions, longs, shorts)
SELECT module, pattern_key, action_category, %(day)s, sum(decisions), sum(longs), sum(shorts) FROM (
    SELECT module, pattern_key, action_category, count(*) AS decisions, 0 AS longs, 0 AS shorts
    FROM telemetry_decision WHERE decision_id >= %(first)s AND decision_id < %(last)s GROUP BY 1, 2, 3
    UNION ALL
    SELECT a.module, a.pattern_key, a.action_category, 0,
        count(DISTINCT t.id) FILTER (WHERE t.side = 'long'), count(DISTINCT t.id) FILTER (WHERE t.side = 'short')
    FROM telemetry_trade AS t JOIN telemetry_action AS a ON a.trade_id = t.id
    WHERE t.is_current AND t.closed_at >= %(since)s AND t.closed_at < %(until)s GROUP BY 1, 2, 3
) AS counted GROUP BY 1, 2, 3
ON CONFLICT (module, pattern_key, action_category, day) DO UPDATE
    SET decisions = excluded.decisions, longs = excluded.longs, shorts = excluded.shorts
"""
_LINES = """
INSERT INTO overrides_lineuse AS held (line_id, last_matched, last_acted, last_uncut)
SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (line_id) DO UPDATE SET last_matched = greatest(held.last_matched, excluded.last_matched),
    last_acted = greatest(held.last_acted, excluded.last_acted),
    last_uncut = greatest(held.last_uncut, excluded.last_uncut)
"""
_SIDES = """
UPDATE overrides_lineuse AS held SET last_long = greatest(held.last_long, touched.last_long),
    last_short = greatest(held.last_short, touched.last_short)
FROM (
    SELECT c.line_id, max(t.closed_at) FILTER (WHERE t.side = 'long') AS last_long,
        max(t.closed_at) FILTER (WHERE t.side = 'short') AS last_short
    FROM telemetry_trade AS t JOIN telemetry_decisionoutcome AS o ON o.trade_id = t.id AND o.misfit = ''
    JOIN telemetry_decision AS d ON d.decision_id = o.decision_id
    CROSS JOIN LATERAL unnest(d.movers) AS mover (key)
    JOIN telemetry_decisionconstants AS c ON c.key = mover.key
    WHERE t.is_current AND t.side <> '' AND t.closed_at >= %(since)s AND t.closed_at < %(until)s GROUP BY c.line_id
) AS touched WHERE touched.line_id = held.line_id
"""

Times = dict[str, datetime]


def count_use(*, now: datetime) -> int:
    """Count the days since the last run, each in a transaction of its own; return the number of decisions read.

    The first run reads the days that the lists are about.
    """
    counted = UseCounted.objects.first()
    begin = now - WINDOW - DAY if counted is None else max(counted.until - OVERLAP, now - WINDOW - DAY)
    register_values(_midnight(begin.astimezone(UTC).date()))
    read = 0
    for day in _days(begin, now):
        with transaction.atomic():
            read += count_day(day, now)
            UseCounted.objects.update_or_create(
                pk=1,
                defaults={"until": min(now, _midnight(day) + DAY)},
                create_defaults={"since": _midnight(day), "until": min(now, _midnight(day) + DAY)},
            )
    KeyUse.objects.filter(day__lt=(now - WINDOW - DAY).date()).delete()
    return read


def count_day(day: date, now: datetime) -> int:
    """Count one UTC day, as far as it has passed; return the number of its decisions."""
    since, until = _midnight(day), min(now, _midnight(day) + DAY)
    values: dict[str, Any] = {
        "since": since,
        "until": until,
        "day": day,
        "first": uuid7_floor(since),
        "last": uuid7_floor(until),
    }
    found = _Found()
    for rows in _decisions(values):
        found.add(rows)
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, values)
        if found.matched:
            cursor.execute(_LINES, found.columns())
        cursor.execute(_SIDES, values)
    count_values(values)
    return found.read


class _Found:
    """When each line was matched, acted, and moved a lever uncut, in the decisions added so far."""

    def __init__(self) -> None:
        self.matched: Times = {}
        self.acted: Times = {}
        self.uncut: Times = {}
        self.read = 0

    def add(self, rows: list[Decision]) -> None:
        """Add decisions; the constants that they name are read with one query."""
        matches = [(row, *_matched(row)) for row in rows]
        keys = {
            key for row, _, left_out in matches if row.trace is not None for key in (*(row.movers or ()), *left_out)
        }
        known = constants_named(keys)
        for row, levers, left_out in matches:
            self.read += 1
            cut = {name for name, lever in levers.items() if lever.get("step_limited") or lever.get("bounded")}
            if row.trace is None:
                self._add_document(row, cut)
                continue
            for key in left_out:
                _later(self.matched, known[key].line, row.at)
            for key in row.movers or ():
                self._acted(known[key].line, row.at, bool(cut) and cut.issuperset(steady(known[key]).levers))

    def _add_document(self, row: Decision, cut: set[str]) -> None:
        for each in row.excluded or ():
            _later(self.matched, each["line"], row.at)
        for each in row.contributions or ():
            self._acted(each["line"], row.at, bool(cut) and cut.issuperset(each["parts"]))

    def _acted(self, line: str, at: datetime, is_cut: bool) -> None:
        _later(self.matched, line, at)
        _later(self.acted, line, at)
        if not is_cut:
            _later(self.uncut, line, at)

    def columns(self) -> list[list[Any]]:
        """Return lines and their three times as columns, lines in order, so that two runs cannot deadlock."""
        lines = sorted(self.matched)
        return [lines, *([times.get(line) for line in lines] for times in (self.matched, self.acted, self.uncut))]


def _matched(row: Decision) -> tuple[Mapping[str, Any], tuple[int, ...]]:
    return (row.levers or {}, ()) if row.trace is None else unpack_matched(bytes(row.trace))


def _later(times: Times, line: str, at: datetime) -> None:
    known = times.get(line)
    if known is None or known < at:
        times[line] = at


def _decisions(values: Mapping[str, Any]) -> Iterator[list[Decision]]:
    """Yield the decisions of a day in chunks, one query each."""
    fields = ("decision_id", "at", "levers", "contributions", "excluded", "trace", "movers")
    rows = Decision.objects.filter(decision_id__lt=values["last"]).order_by("decision_id").only(*fields)
    chunk = list(rows.filter(decision_id__gte=values["first"])[:CHUNK])
    while chunk:
        yield chunk
        last = chunk[-1].decision_id
        chunk = list(rows.filter(decision_id__gt=last)[:CHUNK]) if len(chunk) == CHUNK else []


def _days(begin: datetime, end: datetime) -> Iterable[date]:
    first, last = begin.astimezone(UTC).date(), end.astimezone(UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
