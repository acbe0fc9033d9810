"""Reader of all judged actions of a module as columns, the input of the evidence method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from learning.core.cells.rows import DAY, MISSING, Ints
from learning.core.evidence_method.observations import Observations
from learning.readers.group_columns import known, since_epoch
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.own_dimensions import OwnDimension
from overrides.core.engine.definitions.vocabulary import MODULE_CATEGORIES

CHUNK = 20_000  # rows per fetch, a few megabytes
NAMES = 3  # number of name columns before the dimensions: trade, cluster, pattern


@dataclass(frozen=True, eq=False)
class LoadedObservations:
    """Observations, and what their codes stand for: names in alphabetical order, independent of recording order.

    categories  those of the module, in its order
    values      for each dimension, the values that its codes stand for
    closed_at   (rows,) microseconds since 1970-01-01 UTC
    """

    observations: Observations
    patterns: tuple[str, ...]
    categories: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    closed_at: Ints


OUTCOMES = """
SELECT outcome.trade_id::text, coalesce(nullif(outcome.entry_id, ''), nullif(outcome.cluster_id, '')),
       outcome.pattern_key, {scope} outcome.action_category, outcome.rr,
       (extract(epoch FROM a.at) * 1000000)::bigint, (extract(epoch FROM outcome.closed_at) * 1000000)::bigint,
       (extract(epoch FROM nullif(outcome.known_at, outcome.closed_at)) * 1000000)::bigint
FROM telemetry_outcome AS outcome
JOIN telemetry_action a ON a.trade_id = outcome.trade_id AND a.index = outcome.action_index
WHERE outcome.module = %s AND outcome.book = ANY(%s) AND outcome.known_at <= %s AND {of_universe}
"""


def load_observations(module: str, learned: LearnedFrom, now: datetime) -> LoadedObservations:
    """Return the outcomes of a module that are learned from and were known by `now`."""
    categories, dimensions = MODULE_CATEGORIES[module], learned.dimensions
    names = [*(_Names() for _ in range(NAMES)), *(_Names(learned.cuts.get(name)) for name in dimensions)]
    category, outcome = _Column(np.int64), _Column(np.float64)
    decided_at, closed_at, known_at = (_Column(np.int64) for _ in range(3))
    number = {name: code for code, name in enumerate(categories)}
    for columns in _chunks(module, learned, now):
        *named, of_category, rr, decided, closed, later = columns
        for each, column in zip(names, named, strict=True):
            each.add(column)
        category.add([number[name] for name in of_category])
        outcome.add(rr)
        decided_at.add(decided)
        closed_at.add(closed)
        known_at.add(known(closed, later))

    (_, trades), (_, clusters), (patterns, pattern), *scope = (each.alphabetical() for each in names)
    closes = closed_at.all()
    observations = Observations(
        day=decided_at.all() / DAY,
        known=known_at.all() / DAY,
        pattern=pattern,
        category=category.all(),
        scope=np.stack([codes for _, codes in scope], axis=1) if scope else np.empty((len(closes), 0), np.int32),
        outcome=outcome.all(),
        trade=trades,
        cluster=np.where(clusters == MISSING, trades, len(names[0].numbers) + clusters),
        dimensions=dimensions,
    )
    return LoadedObservations(observations, patterns, categories, tuple(known for known, _ in scope), closes)


def day_at(now: datetime) -> float:
    """Convert a time to the days that observations use."""
    return since_epoch(now) / DAY


def _chunks(module: str, learned: LearnedFrom, now: datetime) -> Iterator[list[tuple[Any, ...]]]:
    """Yield columns of a few thousand rows at a time, so that memory holds numbers instead of text."""
    scope = sql.SQL("").join(sql.SQL("outcome.scope ->> {}, ").format(sql.Literal(name)) for name in learned.dimensions)
    query = sql.SQL(OUTCOMES).format(scope=scope, of_universe=sql.SQL(OF_UNIVERSE))
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        selected: list[Any] = [module, list(learned.books), now, label_parameter(learned)]
        cursor.execute(query.as_string(cursor.connection), selected)
        while rows := cursor.fetchmany(CHUNK):
            yield list(zip(*rows, strict=True))


class _Column:
    """A numeric column that is built chunk by chunk."""

    def __init__(self, kind: Any) -> None:
        self.kind, self.parts = kind, [np.empty(0, dtype=kind)]

    def add(self, values: Iterable[Any]) -> None:
        self.parts.append(np.fromiter(values, dtype=self.kind))

    def all(self) -> Any:
        return np.concatenate(self.parts)


class _Names:
    """A column of names that is built chunk by chunk as codes; NULL is -1. Under `own`, names are read as buckets."""

    def __init__(self, own: OwnDimension | None = None) -> None:
        self.own = own
        self.numbers: dict[str | None, int] = {None: MISSING}
        self.codes = _Column(np.int32)

    def add(self, names: Sequence[str | None]) -> None:
        for name in dict.fromkeys(names):  # one dictionary access for each distinct name; map() does the rest
            self.numbers.setdefault(name, len(self.numbers) - 1)
        self.codes.add(map(self.numbers.__getitem__, names))

    def alphabetical(self) -> tuple[tuple[str, ...], Any]:
        """Return the names in alphabetical order, and the codes `(rows,)` that number them in that order."""
        known = [name for name in self.numbers if name is not None]
        read = known if self.own is None else [self.own.label_of(name) for name in known]
        ordered = sorted({name for name in read if name is not None})
        rank: dict[str | None, int] = {None: MISSING} | {name: code for code, name in enumerate(ordered)}
        new = np.array([*(rank[name] for name in read), MISSING], dtype=np.int32)  # index -1 selects the last entry
        return tuple(ordered), new[self.codes.all()]
