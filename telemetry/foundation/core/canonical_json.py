"""One text per value of a fact: what is hashed, chained and compared.

`fact_json` signs facts: the digest of a trade, the content of an audit entry, the columns of a stored decision.
Policy (ids of lines, overrides and versions, the content of change requests) is signed by `content_json` of
`overrides.core.engine`, which escapes everything beyond ASCII and takes JSON values only. The two texts differ, so
neither may stand in for the other: every stored hash would change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID


def utc_text(at: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC. Raises ValueError for a naive one.

    >>> utc_text(datetime(2024, 5, 1, 12, tzinfo=UTC))
    '2024-05-01T12:00:00Z'
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at} names no time zone; give an aware time")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def fact_json(value: object) -> str:
    """Return the canonical JSON of a value of mappings, sequences, text, numbers, booleans, null, times and UUIDs.

    Sorted keys, no spaces, floats by repr, times in UTC with `Z`, characters as they are (hash its UTF-8 bytes).
    Raises ValueError for NaN, infinity and naive times, TypeError for values that JSON cannot represent.

    >>> fact_json({"b": 1.0, "a": [None, "é", datetime(2024, 5, 1, tzinfo=UTC)]})
    '{"a":[null,"é","2024-05-01T00:00:00Z"],"b":1.0}'
    """
    return _ENCODER.encode(value)


def _other(value: object) -> object:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_other
)  # made once: building it costs more than most values
