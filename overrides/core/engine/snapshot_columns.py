"""A compiled version as plain columns and back, so that another process answers from them as this one does.

Only what cannot be computed again is kept: masks, numbers of dimensions, distances from neutral and weights follow from
the columns and the parameters by the functions that compile a version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bucket_columns import Moves, bucket_of_columns
from .compile_module import compile_module
from .compiled import Bucket, Compiled, Key, Ramps, Section
from .definitions.module_parameters import ModuleParameters
from .names import Names
from .scope_packing import PackedScopes
from .snapshot_file import Columns, SnapshotError
from .weights import Basis, formula_of

STATS = ("edge_raw", "n", "variance", "half_life_days")
NAMES = ("ids", "lines")
COLUMNS = ("keys", *NAMES, *STATS, "updated", "targets", "since", "starts")


def columns_of(compiled: Compiled) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """Return a description of each bucket, and the columns of all buckets one after the other."""
    buckets = [
        (section.channel, key, bucket)
        for section in compiled.sections
        for key, bucket in sorted(section.buckets.items())
    ]
    described = [_described(channel, key, bucket) for channel, key, bucket in buckets]
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS}
    for _, _, bucket in buckets:
        for name, column in _columns(bucket):
            found[name].append(column)
    return described, {name: np.concatenate(each) for name, each in found.items() if each}


def _described(channel: str | None, key: Key, bucket: Bucket) -> dict[str, Any]:
    text = {name: names.all() for name in NAMES if (names := getattr(bucket, name)).packed is None}
    return {
        "channel": channel,
        "key": list(key),
        "rows": len(bucket),
        "words": len(bucket.scopes.keys),
        "values": bucket.scopes.values,
        "levers": list(bucket.levers),
        "ramps": bucket.ramps is not None,
        **({"names": text} if text else {}),
    }


def _columns(bucket: Bucket) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "keys", bucket.scopes.keys.ravel()
    for name in NAMES:
        packed = getattr(bucket, name).packed
        if packed is not None:
            yield name, packed
    for name in STATS:
        yield name, getattr(bucket.basis, name)
    yield "updated", bucket.updated
    yield "targets", bucket.targets.ravel()
    if bucket.ramps is not None:
        yield "since", bucket.ramps.since
        yield "starts", bucket.ramps.starts.ravel()


def compiled_from(parameters: ModuleParameters, described: Sequence[Mapping[str, Any]], columns: Columns) -> Compiled:
    """Return the engine that the columns were taken from, under the parameters of its version.

    Raises SnapshotError if they do not fit each other, and FieldError if the parameters do not compile.
    """
    empty = compile_module(parameters, ())
    sections = {section.channel: section for section in empty.sections}
    buckets: dict[str | None, dict[Key, Bucket]] = {section.channel: {} for section in empty.sections}
    reader = _Reader(columns)
    for each in described:
        try:
            module, pattern_key, category = each["key"]
            section = sections[each["channel"]]
            buckets[section.channel][module, pattern_key, category] = reader.bucket(each, section, empty)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SnapshotError(f"the overrides of {each!r:.100} cannot be read: {error}") from error
    reader.close()
    return replace(
        empty, sections=tuple(replace(section, buckets=buckets[section.channel]) for section in empty.sections)
    )


class _Reader:
    """Cuts the columns into buckets, in order."""

    def __init__(self, columns: Columns) -> None:
        self._columns, self._places = columns, dict.fromkeys(columns, 0)

    def bucket(self, described: Mapping[str, Any], section: Section, whole: Compiled) -> Bucket:
        """Return the next bucket."""
        rows, words, levers = described["rows"], described["words"], tuple(described["levers"])
        text, shape = described.get("names", {}), (rows, len(levers))
        keys = self._next("keys", rows * words).reshape(words, rows)
        scopes = PackedScopes.of_keys(described["values"], keys, whole.reading.cuts)
        ids, lines = (Names(text[each]) if each in text else Names.of_hashes(self._next(each, rows)) for each in NAMES)
        basis = Basis(**{name: self._next(name, rows) for name in STATS}, dims=scopes.counts())
        updated, targets = self._next("updated", rows), self._next("targets", rows * len(levers)).reshape(shape)
        ramps = None
        if described["ramps"]:
            ramps = Ramps(self._next("since", rows), self._next("starts", rows * len(levers)).reshape(shape))
        moves = Moves(levers, targets, ramps)
        return bucket_of_columns(ids, lines, scopes, updated, basis, moves, formula_of(section.parameters))

    def _next(self, name: str, size: int) -> NDArray[Any]:
        start = self._places[name]
        self._places[name] = start + size
        found: NDArray[Any] = self._columns[name][start : start + size]
        if len(found) != size:
            raise ValueError(f"the column {name} ends too soon")
        return found

    def close(self) -> None:
        """Raise SnapshotError if a column holds more than the buckets need."""
        for name, column in self._columns.items():
            if len(column) != self._places[name]:
                raise SnapshotError(f"the column {name} has {len(column)} rows, not {self._places[name]}")
