"""Load versions as columns: the database joins the fields of many rows into one value each, and no object is made per
field; the columns go into the engine's buckets, one key at a time."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from itertools import groupby
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from overrides.core.engine.bucket_columns import OverrideColumns
from overrides.core.engine.compile_module import Group
from overrides.core.engine.compiled import NO_PATH, Key
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.core.engine.stored_rows import AlteredError, Place, RowReader, Statistics, StoredBlock
from overrides.core.governance.errors import VersionAltered

BLOCK = 2_000  # rows of one value; larger ones would hold the interpreter for longer
FETCHED = 4  # blocks at once
MEMBERS = """
SELECT line.module, line.pattern_key, line.action_category, line.channel, line.policy, override.id, member.line_id,
    line.scope, override.edge_raw, override.n, override.variance, override.half_life_days, override.updated_at,
    override.levers, override.promise, member.path_from, member.path_since,
    (row_number() OVER (
        PARTITION BY line.module, line.pattern_key, line.action_category, line.channel, line.policy
        ORDER BY override.id COLLATE "C"
    ) - 1) / %(block)s AS block
FROM overrides_membership member
JOIN overrides_override override ON override.id = member.override_id
JOIN overrides_line line ON line.id = override.line_id
WHERE member.module = %(module)s AND member.from_version <= %(number)s
    AND (member.to_version IS NULL OR member.to_version > %(number)s)
    {where}
"""
# The rows of a block arrive in the order of the window, which is that of the ids.
BLOCKS = """
SELECT module, pattern_key, action_category, channel, policy,
    string_agg(id, E'\\n'), string_agg(line_id, E'\\n'), string_agg(scope::text, E'\\n'),
    string_agg(float8send(edge_raw), ''), string_agg(float8send(n), ''), string_agg(float8send(variance), ''),
    string_agg(float8send(half_life_days), ''), string_agg(timestamptz_send(updated_at), ''),
    string_agg(levers::text, E'\\n'), string_agg(coalesce(promise::text, 'null'), E'\\n'),
    string_agg(coalesce(path_from::text, 'null'), E'\\n'),
    string_agg(coalesce(timestamptz_send(path_since), int8send({no_path})), '')
FROM ({members}) AS members
GROUP BY module, pattern_key, action_category, channel, policy, block
ORDER BY module, pattern_key, action_category, channel, policy, block
"""
OF_KEYS = """AND (line.pattern_key, line.action_category) IN (
        SELECT * FROM unnest(%(patterns)s::text[], %(categories)s::text[]))"""
EPOCH = 946_684_800_000_000  # microseconds from 1970 to 2000, from which the database counts


def load_groups(
    module: str, number: int, parameters: ModuleParameters, keys: Collection[Key] | None = None
) -> Iterator[Group]:
    """Yield the overrides of a version, one channel, pattern and action after the other; with `keys` only of these.

    Raises VersionAltered at an override whose stored content has another hash than its id, and FieldError at one that
    is not valid under the parameters.
    """
    reader = RowReader(parameters)
    with closing(_blocks(module, number, keys)) as stored:
        for (key, channel), blocks in groupby(stored, key=_channel_of):
            try:
                found = OverrideColumns.joined([reader.columns(block) for block in blocks])
            except AlteredError as error:
                raise VersionAltered(
                    f"override {error.id}",
                    f"of {module} version {number}: its stored content has the hash {error.found}; it was rewritten",
                ) from error
            yield Channel(channel), key, found


def _channel_of(block: StoredBlock) -> tuple[Key, str]:
    return block.place.key, block.place.channel


def _blocks(module: str, number: int, keys: Collection[Key] | None) -> Generator[StoredBlock]:
    """Yield the blocks of a version from a cursor of the server, so that memory holds few of them."""
    given: dict[str, Any] = {"module": module, "number": number, "block": BLOCK}
    if keys is not None:
        given |= {"patterns": [key[1] for key in keys], "categories": [key[2] for key in keys]}
    members = MEMBERS.format(where="" if keys is None else OF_KEYS)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(BLOCKS.format(members=members, no_path=NO_PATH - EPOCH), given)
        while rows := cursor.fetchmany(FETCHED):
            yield from map(_block, rows)


def _block(row: tuple[Any, ...]) -> StoredBlock:
    module, pattern_key, category, channel, policy, *fields = row
    ids, lines, scopes, edge_raw, n, variance, half_life_days, updated, levers, promises, starts, since = fields
    return StoredBlock(
        Place((module, pattern_key, category), channel, policy),
        ids.split("\n"),
        lines.split("\n"),
        scopes.split("\n"),
        Statistics(*(np.frombuffer(column, ">f8").astype(float) for column in (edge_raw, n, variance, half_life_days))),
        _times(updated),
        levers.split("\n"),
        promises.split("\n"),
        starts.split("\n"),
        _times(since),
    )


def _times(column: bytes) -> NDArray[np.int64]:
    """Return times in microseconds since 1970; the database sends the highest byte first."""
    return np.frombuffer(column, ">i8").astype(np.int64) + EPOCH
