"""The rows that a group's cells were counted from, kept as columns so that a change is found without reading facts.

They are kept in two parts: the rows of the last full count, and the changes since, which are few. A trade that changes
gets a new number with its new rows; the rows of its old number no longer count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.packed_columns import pack_columns, unpack_columns
from learning.core.cells.rows import Codes, Ints, Rows
from learning.models import CellGroup, CountedRows
from learning.readers.group_columns import GroupRows, PatternGroup, Units, values_of
from overrides.core.engine.definitions.learned_from import LearnedFrom

Fetched = tuple[Any, ...]  # trade, cluster, outcome, close in microseconds, value of each dimension
Keys = NDArray[np.uint64]  # (names, 2), 16 bytes of each


@dataclass(frozen=True, eq=False)
class Counted:
    """The counted rows of a group.

    values      the values that the codes of each dimension stand for
    counted     rows of the last full count that still count
    recent      rows that came since
    trades      key of each trade number
    clusters    key of each cluster number
    removed     numbers of trades of the last full count whose rows no longer count
    full        number of trades, of clusters, and of values of each dimension at the last full count
    """

    group: PatternGroup
    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    counted: Rows
    recent: Rows
    trades: Keys
    clusters: Keys
    removed: Ints
    full: tuple[int, int, tuple[int, ...]]

    @property
    def changes(self) -> int:
        """Number of trades that came or went since the last full count."""
        return len(self.trades) - self.full[0] + len(self.removed)

    def rows(self) -> GroupRows:
        """Return all rows that count."""
        return GroupRows(self.group, self.dimensions, self.values, Rows.join([self.counted, self.recent]))


@dataclass(frozen=True, eq=False)
class Change:
    """What changed in a group: its counted rows afterwards, and the codes of the rows that came and that went."""

    after: Counted
    came: Codes
    went: Codes

    def __len__(self) -> int:
        return len(self.went) + len(self.came)


def count_all(loaded: GroupRows, units: Units) -> Counted:
    """Return the counted rows of a group that was loaded with these numbers of trades and clusters."""
    trades, clusters = _keys(units.trade.names), _keys(units.cluster.names)
    full = (len(trades), len(clusters), tuple(map(len, loaded.values)))
    rows, none = loaded.rows, np.empty(0, np.int64)
    return Counted(
        loaded.group, loaded.dimensions, loaded.values, rows, rows.take(none), trades, clusters, none, full
    )  # fmt: skip


def change_of(before: Counted, trades: Iterable[UUID], fetched: Sequence[Fetched], learned: LearnedFrom) -> Change:
    """Return what changed, given the trades that may have changed and their rows as fetched now, in order."""
    values = [values_of(name, learned, known) for name, known in zip(before.dimensions, before.values, strict=True)]
    now: defaultdict[bytes, list[Fetched]] = defaultdict(list)
    for trade, cluster, outcome, closed_at, *scope in fetched:
        read = tuple(code(value) for code, value in zip(values, scope, strict=True))
        now[_key(trade)].append((read, outcome, closed_at, _key(cluster or trade)))
    numbers = _numbers(before.trades, [_key(trade) for trade in trades])
    counted = _rows_of(before, numbers)
    changed = [key for key, was in counted.items() if was != now.get(key, [])]
    new = [key for key in now if key not in counted]
    gone = np.array([number for key in changed for number in numbers[key]], dtype=np.int64)
    named = replace(before, values=tuple(code.names for code in values))
    came = {key: now[key] for key in [*changed, *new] if key in now}
    kept, went = _without(named, gone)
    return Change(*_with(kept, came), went)


def _rows_of(counted: Counted, numbers: Mapping[bytes, Sequence[int]]) -> dict[bytes, list[Fetched]]:
    """Return the counted rows of trades, in the form of the fetched ones; trades without such rows are left out."""
    key_of = {number: key for key, known in numbers.items() for number in known}
    found: defaultdict[bytes, list[Fetched]] = defaultdict(list)
    for rows in (counted.counted, counted.recent):
        rows = rows.take(np.isin(rows.trade, list(key_of)))
        columns = (rows.trade, rows.codes, rows.outcomes, rows.closed_at, rows.cluster)
        for trade, codes, outcome, closed_at, cluster in zip(*(each.tolist() for each in columns), strict=True):
            key = counted.clusters[cluster].tobytes()
            found[key_of[trade]].append((tuple(codes), outcome, closed_at, key))
    return dict(found)


def _without(counted: Counted, gone: Ints) -> tuple[Counted, Codes]:
    """Take the rows of trades out; return the others, and the codes of those that went."""
    stays, stays_recent = (~np.isin(rows.trade, gone) for rows in (counted.counted, counted.recent))
    went = np.concatenate([counted.counted.codes[~stays], counted.recent.codes[~stays_recent]])
    removed = np.union1d(counted.removed, gone[gone < counted.full[0]])
    kept = counted.counted if stays.all() else counted.counted.take(stays)
    return replace(counted, counted=kept, recent=counted.recent.take(stays_recent), removed=removed), went


def _with(counted: Counted, came: Mapping[bytes, Sequence[Fetched]]) -> tuple[Counted, Codes]:
    """Add the rows of trades under new numbers; return all rows, and the codes of those that came."""
    rows = [(number, *row) for number, key in enumerate(came, len(counted.trades)) for row in came[key]]
    codes = np.array([row[1] for row in rows], dtype=np.int64).reshape(len(rows), len(counted.dimensions))
    keys = list(dict.fromkeys(row[4] for row in rows))
    known = _numbers(counted.clusters, keys)
    fresh = [key for key in keys if key not in known]
    cluster = {key: numbers[0] for key, numbers in known.items()}
    cluster |= {key: number for number, key in enumerate(fresh, len(counted.clusters))}
    added = Rows(
        codes=codes.astype(np.promote_types(counted.counted.codes.dtype, _least(codes))),
        outcomes=np.array([row[2] for row in rows], dtype=np.float64),
        trade=np.array([row[0] for row in rows], dtype=np.int64),
        cluster=np.array([cluster[row[4]] for row in rows], dtype=np.int64),
        closed_at=np.array([row[3] for row in rows], dtype=np.int64),
    )
    return replace(
        counted,
        recent=Rows.join([counted.recent, added]),
        trades=np.concatenate([counted.trades, _as_keys(came)]),
        clusters=np.concatenate([counted.clusters, _as_keys(fresh)]),
    ), codes


def _key(name: UUID | str) -> bytes:
    """Return 16 bytes that stand for a trade or the name of a cluster; two names share them with odds of 2^-128."""
    return name.bytes if isinstance(name, UUID) else blake2b(name.encode(), digest_size=16).digest()


def _keys(names: Iterable[UUID | str]) -> Keys:
    return _as_keys(map(_key, names))


def _as_keys(keys: Iterable[bytes]) -> Keys:
    return np.frombuffer(b"".join(keys), dtype=np.uint64).reshape(-1, 2)


def _numbers(known: Keys, keys: Sequence[bytes]) -> dict[bytes, list[int]]:
    """Return the numbers of each key; keys without one are left out."""
    requested, found = frozenset(keys), defaultdict[bytes, list[int]](list)
    for number in np.flatnonzero(np.isin(known[:, 0], _as_keys(requested)[:, 0])).tolist():
        key = known[number].tobytes()
        if key in requested:
            found[key].append(number)
    return dict(found)


def load_counted(row: CellGroup, group: PatternGroup) -> Counted | None:
    """Return the counted rows of a group, or None if none are kept."""
    parts = list(CountedRows.objects.filter(group=row).order_by("part"))
    if not parts:
        return None
    columns = [unpack_columns(part.columns) for part in parts]
    recent = columns[-1] if len(parts) > 1 else {name: column[:0] for name, column in columns[0].items()}
    trades, clusters = (np.concatenate([columns[0][name], recent[name]]) for name in ("trades", "clusters"))
    names = [[name for part in parts for name in part.values[dim]] for dim in range(len(row.dimensions))]
    counted, removed = _unpacked(columns[0]), recent["removed"].astype(np.int64)
    if len(removed):
        counted = counted.take(~np.isin(counted.trade, removed))
    full = (len(columns[0]["trades"]), len(columns[0]["clusters"]), tuple(map(len, parts[0].values)))
    return Counted(
        group, tuple(row.dimensions), tuple(map(tuple, names)), counted, _unpacked(recent), trades, clusters, removed,
        full,
    )  # fmt: skip


def store_counted(counted: Counted, row: CellGroup) -> None:
    """Keep the counted rows of a full count, in place of all that was kept."""
    CountedRows.objects.filter(group=row).delete()
    columns = _packed(counted.counted) | {
        "trades": counted.trades,
        "clusters": counted.clusters,
        "removed": counted.removed,
    }
    values = [list(known) for known in counted.values]
    CountedRows.objects.create(group=row, part=CountedRows.Part.FULL, values=values, columns=pack_columns(columns))


def store_changes(counted: Counted, row: CellGroup) -> None:
    """Keep the changes since the last full count."""
    trades, clusters, sizes = counted.full
    columns = _packed(counted.recent) | {
        "trades": counted.trades[trades:],
        "clusters": counted.clusters[clusters:],
        "removed": counted.removed,
    }
    values = [list(known[size:]) for known, size in zip(counted.values, sizes, strict=True)]
    CountedRows.objects.update_or_create(
        group=row, part=CountedRows.Part.SINCE, defaults={"values": values, "columns": pack_columns(columns)}
    )


def _packed(rows: Rows) -> dict[str, NDArray[Any]]:
    """Return the columns of rows in the smallest types that hold them."""
    small = {name: getattr(rows, name) for name in ("codes", "trade", "cluster")}
    return {field.name: getattr(rows, field.name) for field in fields(rows)} | {
        name: column.astype(_least(column)) for name, column in small.items()
    }


def _least(numbers: Codes) -> np.dtype[Any]:
    """Return the smallest signed type that holds the numbers, which are at least -1."""
    return np.min_scalar_type(-1 - int(numbers.max(initial=0)))


def _unpacked(columns: Mapping[str, NDArray[Any]]) -> Rows:
    numbers = {name: columns[name].astype(np.int64) for name in ("trade", "cluster")}
    return Rows(columns["codes"], columns["outcomes"], numbers["trade"], numbers["cluster"], columns["closed_at"])
