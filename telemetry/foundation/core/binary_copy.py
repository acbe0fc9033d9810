"""Values in PostgreSQL's binary COPY format, each with its length: cheaper than text, and no digit is rounded.

https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_BIGINT, _VARCHAR = 20, 1043  # oids of element types
_long, _integer, _small = struct.Struct(">iq"), struct.Struct(">ii"), struct.Struct(">ih")
_double, _count = struct.Struct(">id"), struct.Struct(">h")


def counted(values: int) -> bytes:
    """Return the beginning of a row of so many values, which follow it in this format."""
    return _count.pack(values)


@lru_cache(20_000)
def text(value: str) -> bytes:
    """Return text; most values of a table repeat, so they are remembered.

    >>> text("ab")
    b'\\x00\\x00\\x00\\x02ab'
    """
    return raw(value.encode())


def optional_text(value: str | None) -> bytes:
    """Return text, or null."""
    return NULL if value is None else text(value)


def raw(content: bytes) -> bytes:
    """Return bytes, a UUID's or those of a bytea."""
    return len(content).to_bytes(4, "big") + content


def json(content: bytes) -> bytes:
    """Return JSON text as jsonb."""
    return (len(content) + 1).to_bytes(4, "big") + b"\x01" + content


def moment(at: datetime) -> bytes:
    """Return an aware time as timestamptz."""
    return _long.pack(8, (at - _EPOCH) // _MICROSECOND)


def integer(value: int | None) -> bytes:
    """Return an integer of 4 bytes."""
    return NULL if value is None else _integer.pack(4, value)


def small(value: int | None) -> bytes:
    """Return a smallint."""
    return NULL if value is None else _small.pack(2, value)


def double(value: float | None) -> bytes:
    """Return a double precision number."""
    return NULL if value is None else _double.pack(8, value)


def bigints(values: Sequence[int]) -> bytes:
    """Return an array of bigint; null if it is empty."""
    if not values:
        return NULL
    return bigints_head(len(values)) + b"".join([_long.pack(8, value) for value in values])


@lru_cache(1000)
def bigints_head(count: int) -> bytes:
    """Return what stands before the elements of an array of bigint, each of which is 8 (its length) and its value."""
    return struct.pack(">6i", 20 + 12 * count, 1, 0, _BIGINT, count, 1)


@lru_cache(1000)
def words(values: tuple[str, ...]) -> bytes:
    """Return an array of varchar."""
    if not values:
        return raw(struct.pack(">iii", 0, 0, _VARCHAR))
    head = struct.pack(">iiiii", 1, 0, _VARCHAR, len(values), 1)
    return raw(head + b"".join(raw(value.encode()) for value in values))
