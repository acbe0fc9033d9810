"""The content hash of a version from what is stored: parameters, coefficients, and the id and path of each override.

The hash is that of `content_hash([parameters, coefficients, [[id, path], ...]])`, overrides in id order. A version of
100,000 overrides has seven megabytes of such text, so the database joins it and it is hashed piece by piece.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection, transaction

from overrides.core.engine.definitions.content_hash import content_json
from overrides.core.engine.definitions.override_stats import Path

BETWEEN = '",null],["'  # the canonical text between two ids without paths
FETCHED = 16  # pieces at once
PIECES = """
SELECT count(*), string_agg(id, '",null],["' ORDER BY id),
    jsonb_object_agg(id, jsonb_build_array(path_from::text, path_since)) FILTER (WHERE path_since IS NOT NULL)
FROM (
    SELECT override_id COLLATE "C" AS id, path_from, path_since FROM overrides_membership
    WHERE module = %s AND from_version <= %s AND (to_version IS NULL OR to_version > %s)
) AS held
GROUP BY left(id, 2) COLLATE "C" ORDER BY left(id, 2) COLLATE "C"
"""


class ContentDigest(NamedTuple):
    """The content hash of a version and the number of its overrides."""

    hash: str
    n_overrides: int


def content_digest(module: str, number: int, parameters_id: str, coefficients: Mapping[str, Any]) -> ContentDigest:
    """Return the hash and the extent of what is stored of a version. Raises FieldError where a path was rewritten."""
    found = hashlib.sha256(content_json([parameters_id, coefficients]).removesuffix("]").encode("ascii") + b",[")
    total = 0
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(PIECES, [module, number, number])
        while rows := cursor.fetchmany(FETCHED):
            for n, ids, paths in rows:
                found.update(f"{',' if total else ''}{_piece(ids, json.loads(paths or '{}'))}".encode())
                total += n
    found.update(b"]]")
    return ContentDigest(found.hexdigest(), total)


def _piece(ids: str, paths: Mapping[str, tuple[str, str]]) -> str:
    """Return the canonical text of some overrides, whose ids are joined by `BETWEEN`."""
    if not paths:
        return f'["{ids}",null]'
    return ",".join(
        f'["{each}",{_path_text(*paths[each]) if each in paths else "null"}]' for each in ids.split(BETWEEN)
    )


@lru_cache(1_000)
def _path_text(start: str, since: str) -> str:
    """Return the canonical text of a path; what is published together shares them."""
    return content_json(Path(json.loads(start), datetime.fromisoformat(since)).to_document())
