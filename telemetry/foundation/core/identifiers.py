"""Ids that sort by time: UUID version 7 (RFC 9562). They name things and are no secrets."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from secrets import randbits
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_MILLISECOND = 2**48 - 1
_COUNTER_BITS = 30
_COUNTER_ONES = 2**_COUNTER_BITS - 1
_counter = count(randbits(_COUNTER_BITS - 1))  # half of its range is left, so it does not soon wrap
_random = Random()  # of the operating system once; asking it for every id would cost more than all the rest
os.register_at_fork(after_in_child=_random.seed)  # or processes would make the same ids


def random_bits(number: int) -> int:
    """Return that many random bits for an id, which anybody who sees enough of them can foretell."""
    return _random.getrandbits(number)


def uuid7(at: datetime) -> UUID:
    """Return a new UUIDv7 for an aware time between 1970 and the year 10889; raise ValueError for any other.

    Layout: 48 bits of milliseconds, version, 12 bits of the millisecond's fraction (RFC 9562 6.2, method 3), variant,
    30 bits of a counter of this process, 32 random bits. So ids sort by `at` to a microsecond, and those of one
    process with equal `at` in the order they were made: `next` on the counter is atomic, threads need no lock.

    >>> uuid7(datetime(2024, 5, 1, tzinfo=UTC)).version
    7
    """
    return uuid7s(at, 1)[0]


def uuid7s(at: datetime, number: int) -> list[UUID]:
    """Return so many new UUIDv7s for one time, in the order in which they sort.

    >>> first, second = uuid7s(datetime(2024, 5, 1, tzinfo=UTC), 2)
    >>> first < second
    True
    """
    head = _floor(at) | 0b10 << 62
    return [UUID(int=head | (next(_counter) & _COUNTER_ONES) << 32 | random_bits(32)) for _ in range(number)]


def uuid7_floor(at: datetime) -> UUID:
    """Return the lower bound of the UUIDv7s made at `at` or later; those made a microsecond earlier lie below it.

    Raises ValueError for a naive time, or one out of range.

    >>> uuid7_floor(datetime(2024, 5, 1, tzinfo=UTC)) < uuid7(datetime(2024, 5, 1, tzinfo=UTC))
    True
    """
    return UUID(int=_floor(at))


def _floor(at: datetime) -> int:
    if at.utcoffset() is None:
        raise ValueError(f"{at} names no time zone; give an aware time")
    milliseconds, microseconds = divmod((at - _EPOCH) // _MICROSECOND, 1000)
    if not 0 <= milliseconds <= _LAST_MILLISECOND:
        raise ValueError(f"{at} is out of range; give a time from 1970 on")
    fraction = microseconds * 4096 // 1000
    return milliseconds << 80 | 7 << 76 | fraction << 64


def uuid7_time(value: UUID) -> datetime:
    """Return the time in a UUIDv7, in UTC, to the millisecond. Raises ValueError for any other version.

    >>> uuid7_time(uuid7(datetime(2024, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC))).isoformat()
    '2024-05-01T12:00:00.123000+00:00'
    """
    if value.version != 7:
        raise ValueError(f"{value} is no UUID of version 7; only those hold a time")
    return _EPOCH + timedelta(milliseconds=value.int >> 80)
