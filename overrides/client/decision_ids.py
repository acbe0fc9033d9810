"""Ids of decisions that are made here: UUID version 7 (RFC 9562), as the server makes them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def decision_id(at: datetime) -> UUID:
    """Return a new id for an aware time: 48 bits of milliseconds, 12 of their fraction, and 62 random bits.

    >>> decision_id(datetime(2026, 5, 1, tzinfo=UTC)).version
    7
    """
    milliseconds, microseconds = divmod((at - _EPOCH) // _MICROSECOND, 1000)
    fraction = microseconds * 4096 // 1000
    tail = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | tail)
