"""Updates the decayed memory of what each value of each dm coefficient dimension earned (docs/method.md 8).

Recording marks each trade whose allocations changed, in its own transaction. An update removes the marks and applies
the changes in one transaction, so a killed worker leaves both unchanged. A new trade is one incremental step of each
memory it belongs to. Changes that cannot be applied incrementally (a correction, an exclusion, a further trade of a
cluster) recompute the values they affect from the facts; a change of the learned books or of the universe recomputes
everything.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from learning.core.coefficients import Memory, memories, weigh
from learning.models import Coefficient
from learning.readers.group_columns import EPOCH, Numbering
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.coefficients import COEFFICIENT_MODULE, LEVER_DIMENSIONS, lever_values
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.versions.load_version import current_parameters

MODULE = COEFFICIENT_MODULE
REWEIGH_AFTER = timedelta(hours=1)  # weights also change with time, slowly: the shorter tau is 14 days
DAY = timedelta(days=1)
MICROSECONDS = 86_400_000_000  # in a day
OVERALL = ("all", "")  # key of the module's memory of all trades
SELECTION = ("books", "universe")  # what the overall memory says beside its sums
EACH_UPDATED = ("weight", "rr_short", "rr_long", "n", "sums", "as_of")

Value = tuple[str, str]  # coefficient dimension, value
Memories = dict[Value, Memory]


@dataclass
class _Changes:
    """The changes reported by marked trades: single trades to observe, and values to recompute."""

    trades: list[tuple[float, float, Mapping[str, str]]] = field(default_factory=list)  # rr, day, scope
    affected: set[Value] = field(default_factory=set)


@transaction.atomic
def update_coefficients(*, now: datetime) -> int:
    """Apply the trades that changed since the last update, weigh as of `now`, and return their number.

    Concurrent updates run one after another: the second waits for the first and finds its marks removed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["coefficients"])
    learned = current_parameters(MODULE).learned_from
    marked = _take_marks(now)
    stored = {(row.name, row.key): row for row in Coefficient.objects.filter(module=MODULE)}
    overall = stored.get(OVERALL)
    if overall is None or any(overall.sums.get(name) != each for name, each in _selection(learned).items()):
        _write(recompute(learned), learned, stored, now)
    elif marked or now - overall.as_of >= REWEIGH_AFTER:
        known = {value: memory_of(row) for value, row in stored.items()}
        _write(_apply_changes(learned, known, _read_changes(learned, marked)), learned, stored, now)
    return len(marked)


def _selection(learned: LearnedFrom) -> dict[str, Any]:
    """Return what decides which outcomes count; memories made under another selection are recomputed."""
    return {"books": list(learned.books), "universe": learned.universe}


def recompute(learned: LearnedFrom) -> Memories:
    """Return every memory, computed from the facts alone; trades that still have a mark are left out."""
    found = _load_memories(learned, OVERALL[0], None)
    for lever in LEVER_DIMENSIONS:
        found |= _load_memories(learned, lever, None)
    return found


def _apply_changes(learned: LearnedFrom, known: Memories, changes: _Changes) -> Memories:
    """Return the memories with single trades observed and affected values recomputed."""
    if changes.affected:
        changes.affected.add(OVERALL)
    for rr, day, scope in changes.trades:
        for value in {OVERALL, *lever_values(scope).items()} - changes.affected:
            known[value] = known[value].observe(rr, day) if value in known else Memory.of(rr, day)
    for lever in {lever for lever, _ in changes.affected}:
        keys = [key for name, key in changes.affected if name == lever]
        for key in keys:
            known.pop((lever, key), None)
        known |= _load_memories(learned, lever, keys)
    return known


TAKE_MARKS = """
DELETE FROM telemetry_freshtrade AS mark
WHERE NOT EXISTS (
    SELECT FROM telemetry_outcome AS outcome
    WHERE outcome.trade_id = mark.trade_id AND outcome.action_category = 'allocation' AND outcome.known_at > %s
)
RETURNING trade_id
"""


def _take_marks(now: datetime) -> list[Any]:
    """Remove the marks of trades that were known by `now`, and return these trades.

    A trade keeps its mark until all of its allocations are known. It, and a trade that is marked after this call, must
    be left out of what is read afterwards.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE_MARKS, [now])
        return list({row[0] for row in cursor.fetchall()})


CHANGES = """
SELECT action.trade_id, action.scope, outcome.rr, (extract(epoch FROM outcome.closed_at) * 1000000)::bigint,
    outcome.cluster_id, outcome.scope <> action.scope, (
        SELECT coalesce(jsonb_agg(decision.scope), '[]') FROM telemetry_decision AS decision
        WHERE decision.decision_id = ANY(action.decision_ids)
    )
FROM telemetry_action AS action JOIN telemetry_trade AS trade ON trade.id = action.trade_id
LEFT JOIN telemetry_outcome AS outcome ON outcome.trade_id = trade.id AND outcome.action_index = action.index
WHERE action.trade_id = ANY(%s) AND action.action_category = 'allocation' AND trade.book = ANY(%s)
    AND coalesce(action.scope ->> 'universe' = %s, TRUE)
"""


def _read_changes(learned: LearnedFrom, marked: list[Any]) -> _Changes:
    """Read the changes of the marked trades."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGES, [marked, list(learned.books), label_parameter(learned)])
        found: dict[Any, list[Any]] = {}
        for trade, scope, *outcome in cursor.fetchall():
            found.setdefault(trade, []).append((_scope(scope), *outcome))
    changes = _Changes()
    for actions in found.values():
        scope, rr, closed_at, cluster, of_other_scope, asked = actions[0]
        is_as_sent = not of_other_scope and all(each == scope for each in _scopes(asked))
        if len(actions) == 1 and rr is not None and not cluster and is_as_sent:
            changes.trades.append((rr, closed_at / MICROSECONDS, scope))
        else:
            # The outcome may be, or may have been, of the scope of a decision that the action names.
            for scope, *_, asked in actions:
                for each in (scope, *_scopes(asked)):
                    changes.affected |= {OVERALL, *lever_values(each).items()}
    return changes


UNITS = """
WITH trades AS (
    SELECT {value} AS value, coalesce('c' || nullif(cluster_id, ''), trade_id::text) AS unit, trade_id,
        avg(rr) AS rr, max(closed_at) AS closed_at
    FROM telemetry_outcome AS outcome
    WHERE module = 'dm' AND action_category = 'allocation' AND book = ANY(%s) AND {of_universe} AND {where}
        AND NOT EXISTS (SELECT FROM telemetry_freshtrade AS mark WHERE mark.trade_id = outcome.trade_id)
    GROUP BY 1, 2, 3
)
SELECT value, avg(rr), (extract(epoch FROM max(closed_at)) * 1000000)::bigint FROM trades GROUP BY value, unit
"""


def _load_memories(learned: LearnedFrom, lever: str, keys: Collection[str] | None) -> Memories:
    """Return the memories of a coefficient dimension's values, computed from the facts; of all if `keys` is None.

    A trade counts once for a value, with the mean of its allocations that have the value. A cluster counts once, with
    the mean of its trades, on the day its last trade closed.
    """
    value: sql.Composable = sql.SQL("''")
    where: sql.Composable = sql.SQL("TRUE")
    key_parameter: list[list[str]] = []
    if lever != OVERALL[0]:
        value = sql.SQL("scope ->> {}").format(sql.Literal(LEVER_DIMENSIONS[lever]))
        where = sql.Composed([value, sql.SQL(" IS NOT NULL")])
        if keys is not None:
            where, key_parameter = sql.Composed([value, sql.SQL(" = ANY(%s)")]), [list(keys)]
    with connection.cursor() as cursor:
        query = (
            sql.SQL(UNITS)
            .format(value=value, where=where, of_universe=sql.SQL(OF_UNIVERSE))
            .as_string(cursor.connection)
        )
        cursor.execute(query, [list(learned.books), label_parameter(learned), *key_parameter])
        fetched = cursor.fetchall()
    number = Numbering()
    found = memories(
        np.array([row[1] for row in fetched], dtype=np.float64),
        np.array([row[2] for row in fetched], dtype=np.float64) / MICROSECONDS,
        np.array([number(row[0]) for row in fetched], dtype=np.int64),
    )
    return {(lever, key): found[code] for code, key in enumerate(number.names)}


def _write(known: Memories, learned: LearnedFrom, stored: Mapping[Value, Coefficient], now: datetime) -> None:
    """Weigh every value as of `now` (or of the newest trade, if that is later) and store it."""
    stale = [row.pk for value, row in stored.items() if value not in known]
    Coefficient.objects.filter(pk__in=stale).delete()
    if OVERALL not in known:
        return
    overall = known[OVERALL]
    day = max(day_of(now), overall.at)
    as_of = max(now, EPOCH + overall.at * DAY)
    Coefficient.objects.bulk_create(
        _rows(known, overall, learned, day, as_of),
        update_conflicts=True,
        unique_fields=("module", "name", "key"),
        update_fields=EACH_UPDATED,
        batch_size=2000,
    )


def _rows(known: Memories, overall: Memory, learned: LearnedFrom, day: float, as_of: datetime) -> Iterable[Coefficient]:
    """Yield the rows to store, in a fixed order."""
    for (lever, key), memory in sorted(known.items()):
        found = weigh(memory, overall, day)
        is_overall = (lever, key) == OVERALL
        yield Coefficient(
            module=MODULE,
            name=lever,
            key=key,
            weight=1.0 if is_overall else found.weight,
            rr_short=memory.short.mean if is_overall else found.short,
            rr_long=memory.long.mean if is_overall else found.long,
            n=memory.n,
            sums=memory.to_document() | (_selection(learned) if is_overall else {}),
            as_of=as_of,
        )


def day_of(at: datetime) -> float:
    """Return a time as days since 1970-01-01 UTC, the unit of memories."""
    return (at - EPOCH) / DAY


def memory_of(row: Coefficient) -> Memory:
    """Return the memory that a row stores."""
    return Memory.from_document({name: each for name, each in row.sums.items() if name not in SELECTION})


def _scope(value: Any) -> Mapping[str, str]:
    """Return a scope as a mapping; the driver returns jsonb as text."""
    scope: Mapping[str, str] = json.loads(value) if isinstance(value, str) else value
    return scope


def _scopes(value: Any) -> list[Mapping[str, str]]:
    """Return a list of scopes; the driver returns jsonb as text."""
    scopes: list[Mapping[str, str]] = json.loads(value) if isinstance(value, str) else value
    return scopes
