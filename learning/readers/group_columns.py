"""Readers of facts and cells as columns for `learning.core`, which does not access the database itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg import sql

from learning.core.cells.cell_columns import Cells
from learning.core.cells.rows import MISSING, Ints, Rows
from learning.core.tuning.alternatives import GRADES, UNGRADED
from learning.models import CellGroup
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.own_dimensions import OwnDimension
from telemetry.foundation.core.canonical_json import fact_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PatternGroup(NamedTuple):
    """The unit of aggregation: one module, pattern and action category."""

    module: str
    pattern_key: str
    action_category: str


class Numbering:
    """Numbers names in order of first use; the same name always gets the same number."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def __call__(self, name: Any) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    @property
    def names(self) -> tuple[Any, ...]:
        """All names, in the order of their numbers."""
        return tuple(self._numbers)


class Values:
    """Numbers the values of a dimension; a missing one is -1.

    Under `own`, values are read as buckets, and one that is no bucket is missing too. Values `known` before keep their
    numbers.
    """

    def __init__(self, own: OwnDimension | None = None, known: Iterable[str] = ()) -> None:
        self._own, self._names = own, Numbering()
        for name in known:
            self._names(name)
        self._codes: dict[str | None, int] = {None: MISSING}

    def __call__(self, value: str | None) -> int:
        code = self._codes.get(value)
        if code is None:
            read = value if self._own is None or value is None else self._own.label_of(value)
            code = self._codes[value] = MISSING if read is None else self._names(read)
        return code

    @property
    def names(self) -> tuple[Any, ...]:
        """All values, in the order of their numbers."""
        return self._names.names


def values_of(dimension: str, learned: LearnedFrom, known: Iterable[str] = ()) -> Values:
    """Return the numbering of a dimension's values as they are learned from, continued from the known ones."""
    return Values(learned.cuts.get(dimension), known)


class Units:
    """Numbers trades and clusters; groups that share an instance use the same numbers."""

    def __init__(self) -> None:
        self.trade, self.cluster = Numbering(), Numbering()


@dataclass(frozen=True, eq=False)
class GroupRows:
    """The judged actions of a group and, for each dimension, the values that its codes stand for."""

    group: PatternGroup
    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    rows: Rows


OUTCOMES = """
SELECT trade_id, cluster_id, rr, (extract(epoch FROM closed_at) * 1000000)::bigint {scope}
FROM telemetry_outcome AS outcome
WHERE module = %s AND {where} AND book = ANY(%s) AND known_at <= %s AND {of_universe}
ORDER BY closed_at, trade_id, action_index
"""


# The grade that the action behind an outcome carries, read in the same query and snapshot.
GRADE = """
, (SELECT action.buckets ->> {bucket} FROM telemetry_action AS action
   WHERE action.trade_id = outcome.trade_id AND action.index = outcome.action_index)
"""


def load_group(group: PatternGroup, learned: LearnedFrom, now: datetime, units: Units | None = None) -> GroupRows:
    """Return the outcomes of one group that are learned from and were known by `now`.

    Pass `units` to number trades equally across groups.
    """
    return _group_rows(group, learned, _fetch_group(group, learned, now), units or Units())


def load_with_grades(group: PatternGroup, learned: LearnedFrom, now: datetime, bucket: str) -> tuple[GroupRows, Ints]:
    """Return the same outcomes and, row by row, the position in GRADES of the grade in a bucket, UNGRADED for none."""
    fetched = _fetch_group(group, learned, now, sql.SQL(GRADE).format(bucket=sql.Literal(bucket)))
    grades = [UNGRADED if row[-1] is None else GRADES.index(row[-1]) for row in fetched]
    return _group_rows(group, learned, [row[:-1] for row in fetched], Units()), np.array(grades, dtype=np.int64)


def fetch_trades(
    group: PatternGroup, trades: Sequence[UUID], learned: LearnedFrom, now: datetime
) -> list[tuple[Any, ...]]:
    """Return the rows of some trades in a group: trade, cluster, outcome, close, and the value of each dimension."""
    where = sql.SQL("pattern_key = %s AND action_category = %s AND trade_id = ANY(%s)")
    return _fetch(_scope_columns(learned), where, [*group, list(trades)], learned, now)


def _fetch_group(
    group: PatternGroup, learned: LearnedFrom, now: datetime, extra: sql.Composable | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of one group, with an optional further column."""
    scope, where = _scope_columns(learned), sql.SQL("pattern_key = %s AND action_category = %s")
    return _fetch(scope if extra is None else scope + extra, where, list(group), learned, now)


def _scope_columns(learned: LearnedFrom) -> sql.Composable:
    """Return SQL for the value of each dimension that is learned from."""
    return sql.SQL("").join(sql.SQL(", scope ->> {}").format(sql.Literal(name)) for name in learned.dimensions)


def _group_rows(
    group: PatternGroup, learned: LearnedFrom, fetched: Sequence[tuple[Any, ...]], units: Units
) -> GroupRows:
    """Return fetched rows as the columns of a group."""
    values = [values_of(name, learned) for name in learned.dimensions]
    codes = [[values[d](v) for d, v in enumerate(row[4:])] for row in fetched]
    rows = _rows(np.array(codes, dtype=np.int32).reshape(len(fetched), len(values)), fetched, units)
    return GroupRows(group, learned.dimensions, tuple(numbering.names for numbering in values), rows)


def _fetch(
    scope: sql.Composable, where: sql.Composable, parameters: Sequence[Any], learned: LearnedFrom, now: datetime
) -> list[tuple[Any, ...]]:
    """Return the outcomes that match a condition and are learned from, with scope columns."""
    query = sql.SQL(OUTCOMES).format(scope=scope, where=where, of_universe=sql.SQL(OF_UNIVERSE))
    with connection.cursor() as cursor:
        selected = [*parameters, list(learned.books), now, label_parameter(learned)]
        cursor.execute(query.as_string(cursor.connection), selected)
        return list(cursor.fetchall())


def _rows(codes: Any, fetched: Sequence[tuple[Any, ...]], units: Units) -> Rows:
    """Return codes and fetched rows as columns."""
    return Rows(
        codes=codes,
        outcomes=np.array([row[2] for row in fetched], dtype=np.float64),
        trade=np.array([units.trade(row[0]) for row in fetched], dtype=np.int64),
        cluster=np.array([units.cluster(row[1] or row[0]) for row in fetched], dtype=np.int64),
        closed_at=np.array([row[3] for row in fetched], dtype=np.int64),
    )


CELLS = """
SELECT scope::text, n, mean, variance, {first}, {last} FROM pattern_scope_stats WHERE group_id = %s ORDER BY id
"""


def load_cells(group: CellGroup) -> tuple[Cells, tuple[tuple[str, ...], ...]]:
    """Return a group's stored cells as columns and, for each dimension, the values that their codes stand for."""
    dimensions: list[str] = group.dimensions
    position = {name: index for index, name in enumerate(dimensions)}
    values = [Numbering() for _ in dimensions]
    with connection.cursor() as cursor:
        closes = {"first": _microseconds("first_closed_at"), "last": _microseconds("last_closed_at")}
        cursor.execute(CELLS.format(**closes), [group.pk])
        fetched = cursor.fetchall()
    codes = np.full((len(fetched), len(dimensions)), MISSING, dtype=np.int32)
    for index, row in enumerate(fetched):
        for name, value in json.loads(row[0]).items():
            codes[index, position[name]] = values[position[name]](value)
    bits = np.uint64(1) << np.arange(len(dimensions), dtype=np.uint64)
    cells = Cells(
        mask=((codes != MISSING) * bits).sum(axis=1, dtype=np.uint64),
        codes=codes,
        n=np.array([row[1] for row in fetched], dtype=np.int64),
        mean=np.array([row[2] for row in fetched], dtype=np.float64),
        variance=np.array([row[3] for row in fetched], dtype=np.float64),
        first_closed_at=np.array([row[4] for row in fetched], dtype=np.int64),
        last_closed_at=np.array([row[5] for row in fetched], dtype=np.int64),
    )
    return cells, tuple(numbering.names for numbering in values)


def _microseconds(column: str) -> str:
    """Return SQL for a timestamp in microseconds since 1970: exact, and much faster to fetch than a datetime."""
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


def scope_of(codes: Iterable[int], dimensions: Sequence[str], values: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the scope that a cell's codes stand for."""
    return {name: known[code] for code, name, known in zip(codes, dimensions, values, strict=True) if code != MISSING}


def known(closed: Sequence[int], later: Sequence[int | None]) -> Sequence[int]:
    """Return when each outcome was known, given the closes and what was known later than its close (None elsewhere).

    >>> known((5, 6), (None, 9)), known((5, 6), (None, None))
    ([5, 9], (5, 6))
    """
    if later.count(None) == len(later):
        return closed
    return [close if of is None else of for close, of in zip(closed, later, strict=True)]


def moment_from_microseconds(microseconds: int) -> datetime:
    """Convert microseconds since 1970-01-01 UTC to an aware UTC time."""
    return EPOCH + timedelta(microseconds=microseconds)


def since_epoch(at: datetime) -> int:
    """Convert an aware time to microseconds since 1970-01-01 UTC."""
    return (at - EPOCH) // timedelta(microseconds=1)


def cell_rows(cells: Cells, group: GroupRows, group_id: int) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of a group as rows of `pattern_scope_stats` (see CELL_COLUMNS), with scopes as JSON text."""
    fragments = [
        [f"{fact_json(name)}:{fact_json(value)}" for value in known]
        for name, known in zip(group.dimensions, group.values, strict=True)
    ]
    closes = (_utc_texts(cells.first_closed_at), _utc_texts(cells.last_closed_at))
    columns = (cells.n, cells.mean, cells.variance, *closes)
    for codes, n, mean, variance, first, last in zip(
        cells.codes.tolist(), *(column.tolist() for column in columns), strict=True
    ):
        parts = [fragments[d][code] for d, code in enumerate(codes) if code != MISSING]
        scope = "{" + ",".join(parts) + "}"
        yield group_id, scope, len(parts), n, mean, variance, first, last


def _utc_texts(microseconds: Ints) -> NDArray[np.str_]:
    """Convert a whole column of times to text that PostgreSQL can read."""
    return np.char.add(np.datetime_as_string(microseconds.astype("datetime64[us]")), "Z")


CELL_COLUMNS = ("group_id", "scope", "n_dims", "n", "mean", "variance", "first_closed_at", "last_closed_at")
