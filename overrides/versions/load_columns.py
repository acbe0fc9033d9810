"""Load versions as columns: rows come in blocks from one query and go into the engine's buckets, one key at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection, transaction

from overrides.core.engine.compile_module import Group
from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.core.engine.stored_rows import AlteredError, RowReader, Stored
from overrides.core.governance.errors import VersionAltered

BLOCK = 2_000  # rows fetched at once; more would hold the interpreter for longer
ROWS = """
SELECT line.module, line.pattern_key, line.action_category, override.id, member.line_id, line.channel, line.policy,
    line.scope::text, override.edge_raw, override.n, override.variance, override.half_life_days, override.updated_at,
    override.levers::text, override.promise::text, member.path_from::text, member.path_since
FROM overrides_membership member
JOIN overrides_override override ON override.id = member.override_id
JOIN overrides_line line ON line.id = override.line_id
WHERE member.module = %(module)s AND member.from_version <= %(number)s
    AND (member.to_version IS NULL OR member.to_version > %(number)s)
    {where}
ORDER BY line.module, line.pattern_key, line.action_category, line.channel, override.id COLLATE "C"
"""
OF_KEYS = """AND (line.pattern_key, line.action_category) IN (
        SELECT * FROM unnest(%(patterns)s::text[], %(categories)s::text[]))"""


def load_groups(
    module: str, number: int, parameters: ModuleParameters, keys: Collection[Key] | None = None
) -> Iterator[Group]:
    """Yield the overrides of a version, one channel, pattern and action after the other; with `keys` only of these.

    Raises VersionAltered at an override whose stored content has another hash than its id, and FieldError at one that
    is not valid under the parameters.
    """
    reader = RowReader(parameters)
    for (*key, channel), rows in groupby(_fetched(module, number, keys), key=itemgetter(0, 1, 2, 5)):
        place: Key = (key[0], key[1], key[2])
        stored = [Stored(*row[3:]) for row in rows]
        try:
            found = reader.rows(place, stored)
        except AlteredError as error:
            raise VersionAltered(
                f"override {error.id}",
                f"of {module} version {number}: its stored content has the hash {error.found}; it was rewritten",
            ) from error
        yield Channel(channel), place, found


def _fetched(module: str, number: int, keys: Collection[Key] | None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query from a cursor of the server, so that memory holds one block of them."""
    given: dict[str, Any] = {"module": module, "number": number}
    if keys is not None:
        given |= {"patterns": [key[1] for key in keys], "categories": [key[2] for key in keys]}
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(ROWS.format(where="" if keys is None else OF_KEYS), given)
        while block := cursor.fetchmany(BLOCK):
            yield from block
