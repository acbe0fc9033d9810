"""Reader of a module's judged actions with the time of each decision, the input of a walk-forward run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from learning.core.cells.rows import MISSING
from learning.core.walk_forward.outcome_columns import Trades
from learning.readers.group_columns import Numbering, known
from overrides.core.engine.definitions.module_parameters import ModuleParameters

CHUNK = 20_000
DECISIONS = """
SELECT o.trade_id, coalesce(nullif(o.entry_id, ''), o.cluster_id), o.rr,
       (extract(epoch FROM o.closed_at) * 1000000)::bigint,
       (extract(epoch FROM nullif(o.known_at, o.closed_at)) * 1000000)::bigint,
       (extract(epoch FROM a.at) * 1000000)::bigint, o.pattern_key, o.action_category {scope}
FROM telemetry_outcome o JOIN telemetry_action a ON a.trade_id = o.trade_id AND a.index = o.action_index
WHERE o.module = %s AND o.book = ANY(%s) AND o.known_at <= %s
ORDER BY o.closed_at, o.trade_id, o.action_index
"""
FINGERPRINT = """
SELECT count(*), coalesce(max(id), 0), coalesce(sum(id), 0)::text
FROM telemetry_outcome WHERE module = %s AND book = ANY(%s) AND known_at <= %s
"""


def load_trades(parameters: ModuleParameters, until: datetime, beside: Iterable[str] = ()) -> Trades:
    """Return the outcomes known by `until`, of the books and dimensions that the parameters learn from.

    `beside` names further dimensions to read; they come last.
    """
    learned = parameters.lessons.dimensions_of(parameters.module)
    dimensions = (*learned, *(name for name in beside if name not in learned))
    scope = sql.SQL("").join(sql.SQL(", o.scope ->> {}").format(sql.Literal(name)) for name in dimensions)
    reader = _Reader(len(dimensions))
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        statement = sql.SQL(DECISIONS).format(scope=scope).as_string(connection.connection)
        cursor.execute(statement, [parameters.module, list(parameters.lessons.books), until])
        while rows := cursor.fetchmany(CHUNK):
            reader.add(rows)
    return reader.trades(parameters.module, dimensions)


def facts_until(parameters: ModuleParameters, until: datetime) -> tuple[int, list[Any]]:
    """Return the number of outcomes and a fingerprint of them; outcome rows are never updated, so it is unique."""
    with connection.cursor() as cursor:
        cursor.execute(FINGERPRINT, [parameters.module, list(parameters.lessons.books), until])
        fingerprint = list(cursor.fetchone())
    return int(fingerprint[0]), fingerprint


class _Reader:
    """Collects rows chunk by chunk as numbers; text is held once for each name, not for each row."""

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self.trade, self.cluster, self.pattern, self.category = Numbering(), Numbering(), Numbering(), Numbering()
        self.values = [Numbering() for _ in range(dims)]
        self.numbers: list[Any] = []
        self.outcomes: list[Any] = []
        self.codes: list[Any] = []

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Add fetched rows."""
        trade, cluster, rr, closed, later, at, pattern, category, *scope = zip(*rows, strict=True)
        named = zip(cluster, trade, strict=True)
        columns = (
            [self.trade(each) for each in trade],
            [self.cluster(of or each) for of, each in named],
            closed,
            known(closed, later),
            at,
            [self.pattern(each) for each in pattern],
            [self.category(each) for each in category],
        )
        self.numbers.append(np.array(columns, dtype=np.int64))
        self.outcomes.append(np.array(rr, dtype=np.float64))
        codes = [
            [MISSING if value is None else number(value) for value in column]
            for number, column in zip(self.values, scope, strict=True)
        ]
        self.codes.append(np.array(codes, dtype=np.int32).reshape(self.dims, len(rows)).T)

    def trades(self, module: str, dimensions: tuple[str, ...]) -> Trades:
        """Return all rows added so far."""
        empty = np.empty((7, 0), dtype=np.int64)
        trade, cluster, closed, known_at, at, pattern, category = np.concatenate([empty, *self.numbers], axis=1)
        return Trades(
            module=module,
            at=at,
            closed_at=closed,
            known=known_at,
            pattern=pattern,
            category=category,
            scope=np.concatenate([np.empty((0, self.dims), dtype=np.int32), *self.codes]),
            outcome=np.concatenate([np.empty(0), *self.outcomes]),
            trade=trade,
            cluster=cluster,
            patterns=self.pattern.names,
            categories=self.category.names,
            dimensions=dimensions,
            values=tuple(numbering.names for numbering in self.values),
        )
