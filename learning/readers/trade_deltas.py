"""Reader of trades by their entry, with what all of their actions tell of the alternatives of levers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from learning.core.tuning.trade_deltas import Change, LeverDeltas, Told, TradeDeltas, changes_of
from learning.readers.group_columns import Numbering, since_epoch, values_of
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import Channel

CHUNK = 5000  # trades per fetch, each with the JSON of its actions
TUNED = tuple(name for name, lever in LEVERS.items() if lever.channel is Channel.PM_TUNING)
MODULE = "pm"  # whose channel tuning is

# A trade counts by the first entry that is learned from. What an action tells is known at its `known_at`, at the
# earliest at the close; no action is left out here for being unknown yet, because the others tell only a part.
TRADES = """
SELECT outcome.trade_id, coalesce(nullif(outcome.entry_id, ''), outcome.cluster_id),
       (extract(epoch FROM outcome.closed_at) * 1000000)::bigint, (extract(epoch FROM a.at) * 1000000)::bigint,
       outcome.pattern_key, told.actions {scope}
FROM telemetry_outcome AS outcome
JOIN telemetry_action a ON a.trade_id = outcome.trade_id AND a.index = outcome.action_index
JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(
        (extract(epoch FROM greatest(known_at, outcome.closed_at)) * 1000000)::bigint,
        counterfactuals, replays, taken_arms
    ))::text AS actions
    FROM telemetry_action AS action
    WHERE action.trade_id = outcome.trade_id AND module = %s AND (counterfactuals <> '{{}}' OR replays <> '{{}}')
) AS told ON TRUE
WHERE outcome.module = %s AND outcome.action_category = 'entry' AND {pattern}
    AND outcome.book = ANY(%s) AND outcome.known_at <= %s AND {of_universe}
ORDER BY outcome.closed_at, outcome.trade_id, outcome.action_index
"""


def load_trade_deltas(
    learned: LearnedFrom, now: datetime, levers: Sequence[str] = TUNED, pattern_key: str | None = None
) -> TradeDeltas:
    """Return the trades whose entry is learned from and was known by `now`, of one pattern or all; pm alone tunes.

    Results that were not known by `now` are not in them.
    """
    scope = sql.SQL("").join(sql.SQL(", outcome.scope ->> {}").format(sql.Literal(name)) for name in learned.dimensions)
    of_pattern = sql.SQL("TRUE" if pattern_key is None else "outcome.pattern_key = %s")
    query = sql.SQL(TRADES).format(scope=scope, pattern=of_pattern, of_universe=sql.SQL(OF_UNIVERSE))
    named = [] if pattern_key is None else [pattern_key]
    reader = DeltasReader(learned, levers)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        selected: list[Any] = [MODULE, MODULE, *named, list(learned.books), now, label_parameter(learned)]
        cursor.execute(query.as_string(connection.connection), selected)
        while rows := cursor.fetchmany(CHUNK):
            reader.add(rows)
    return reader.trades(now)


class DeltasReader:
    """Collects trades chunk by chunk; of a trade with several entries the first one counts."""

    def __init__(self, learned: LearnedFrom, levers: Sequence[str]) -> None:
        self.dimensions, self.levers = learned.dimensions, tuple(levers)
        self.trade, self.cluster, self.pattern = Numbering(), Numbering(), Numbering()
        self.values = [values_of(name, learned) for name in learned.dimensions]
        self.numbers: list[tuple[int, ...]] = []
        self.codes: list[list[int]] = []
        self.changes: list[dict[str, Change]] = []

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add fetched rows, which are in the order of their trades."""
        for trade, cluster, closed, at, pattern, actions, *scope in rows:
            number = self.trade(trade)
            if number < len(self.numbers):
                continue
            self.numbers.append((at, closed, self.pattern(pattern), number, self.cluster(cluster or trade)))
            self.codes.append([code(value) for code, value in zip(self.values, scope, strict=True)])
            told = [Told(*each) for each in json.loads(actions)] if actions else []
            self.changes.append(changes_of(told, self.levers))

    def trades(self, now: datetime) -> TradeDeltas:
        """Return all trades added so far, with the results that were known by `now`."""
        at, closed, pattern, trade, cluster = np.array(self.numbers, dtype=np.int64).reshape(-1, 5).T
        until = since_epoch(now)
        return TradeDeltas(
            at=at,
            closed_at=closed,
            pattern=pattern,
            scope=np.array(self.codes, dtype=np.int32).reshape(len(self.codes), len(self.dimensions)),
            trade=trade,
            cluster=cluster,
            patterns=self.pattern.names,
            dimensions=self.dimensions,
            values=tuple(numbering.names for numbering in self.values),
            levers={
                lever: LeverDeltas.of([_known(each.get(lever), until) for each in self.changes])
                for lever in self.levers
            },
        )


def _known(change: Change | None, until: int) -> Change | None:
    return change if change is not None and change.known <= until else None
