"""Reader of a module's judged actions with the time of each decision, the input of a walk-forward run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from learning.core.walk_forward.outcome_columns import Trades
from learning.readers.group_columns import Numbering, known, values_of
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.module_parameters import ModuleParameters

CHUNK = 20_000
DECISIONS = """
SELECT outcome.trade_id, coalesce(nullif(outcome.entry_id, ''), outcome.cluster_id), outcome.rr,
       (extract(epoch FROM outcome.closed_at) * 1000000)::bigint,
       (extract(epoch FROM nullif(outcome.known_at, outcome.closed_at)) * 1000000)::bigint,
       (extract(epoch FROM a.at) * 1000000)::bigint, outcome.pattern_key, outcome.action_category {scope}
FROM telemetry_outcome AS outcome
JOIN telemetry_action a ON a.trade_id = outcome.trade_id AND a.index = outcome.action_index
WHERE outcome.module = %s AND outcome.book = ANY(%s) AND outcome.known_at <= %s AND {of_universe}
ORDER BY outcome.closed_at, outcome.trade_id, outcome.action_index
"""
FINGERPRINT = f"""
SELECT count(*), coalesce(max(id), 0), coalesce(sum(id), 0)::text
FROM telemetry_outcome AS outcome WHERE module = %s AND book = ANY(%s) AND known_at <= %s AND {OF_UNIVERSE}
"""


def load_trades(parameters: ModuleParameters, until: datetime, beside: Iterable[str] = ()) -> Trades:
    """Return the outcomes known by `until` that the parameters learn from.

    `beside` names further dimensions to read; they come last.
    """
    learned = parameters.learned_from
    learned = learned.of((*learned.dimensions, *(name for name in beside if name not in learned.dimensions)))
    scope = sql.SQL("").join(sql.SQL(", outcome.scope ->> {}").format(sql.Literal(name)) for name in learned.dimensions)
    reader = _Reader(learned)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        query = sql.SQL(DECISIONS).format(scope=scope, of_universe=sql.SQL(OF_UNIVERSE))
        cursor.execute(query.as_string(connection.connection), _selected(parameters, until))
        while rows := cursor.fetchmany(CHUNK):
            reader.add(rows)
    return reader.trades(parameters.module)


def facts_until(parameters: ModuleParameters, until: datetime) -> tuple[int, list[Any]]:
    """Return the number of outcomes and a fingerprint of them; outcome rows are never updated, so it is unique."""
    with connection.cursor() as cursor:
        cursor.execute(FINGERPRINT, _selected(parameters, until))
        fingerprint = list(cursor.fetchone())
    return int(fingerprint[0]), fingerprint


def _selected(parameters: ModuleParameters, until: datetime) -> list[Any]:
    learned = parameters.learned_from
    return [parameters.module, list(learned.books), until, label_parameter(learned)]


class _Reader:
    """Collects rows chunk by chunk as numbers; text is held once for each name, not for each row."""

    def __init__(self, learned: LearnedFrom) -> None:
        self.dimensions = learned.dimensions
        self.trade, self.cluster, self.pattern, self.category = Numbering(), Numbering(), Numbering(), Numbering()
        self.values = [values_of(name, learned) for name in learned.dimensions]
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
        codes = [[number(value) for value in column] for number, column in zip(self.values, scope, strict=True)]
        self.codes.append(np.array(codes, dtype=np.int32).reshape(len(self.dimensions), len(rows)).T)

    def trades(self, module: str) -> Trades:
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
            scope=np.concatenate([np.empty((0, len(self.dimensions)), dtype=np.int32), *self.codes]),
            outcome=np.concatenate([np.empty(0), *self.outcomes]),
            trade=trade,
            cluster=cluster,
            patterns=self.pattern.names,
            categories=self.category.names,
            dimensions=self.dimensions,
            values=tuple(numbering.names for numbering in self.values),
        )
