"""Times of bars as text and as aware datetimes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from telemetry.core.market_context.bars import Bars


@lru_cache(maxsize=16_384)
def utc_at(seconds: int) -> str:
    """Format epoch seconds as UTC ISO text.

    >>> utc_at(3600)
    '1970-01-01T01:00:00Z'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def last_bar_end(bars: Sequence[Bars]) -> datetime:
    """Return the time at which the newest bar of all pairs closed (aware, UTC)."""
    return datetime.fromtimestamp(max(int(one.end[-1]) for one in bars), UTC)
