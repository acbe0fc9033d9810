"""Ids of decisions that are made here: UUID version 7 (RFC 9562), as the server makes them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from random import Random

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RANDOM = Random()  # of its own: a backtest that seeds the module's would repeat ids

if hasattr(os, "register_at_fork"):  # a child would repeat its parent's ids
    os.register_at_fork(after_in_child=_RANDOM.seed)


def decision_id(at: datetime) -> str:
    """Return a new id for an aware time: 48 bits of milliseconds, 12 of their fraction, and 62 random bits.

    >>> decision_id(datetime(2026, 5, 1, tzinfo=UTC))[:15]
    '019de0d5-c800-7'
    """
    milliseconds, microseconds = divmod((at - _EPOCH) // _MICROSECOND, 1000)
    tail = 0b10 << 62 | _RANDOM.getrandbits(62)
    digits = f"{milliseconds:012x}7{microseconds * 4096 // 1000:03x}{tail:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
