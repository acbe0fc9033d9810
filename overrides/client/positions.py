"""What a decision was made for: the position, named so that a closed trade can be found to it later."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
LONGEST_KEY = 200  # characters
_TIMEFRAME = re.compile("([1-9][0-9]{0,4})([mhdw])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """A position of a bot: its pair, side ("long" or "short"), strategy, timeframe and the start of its entry bar.

    These identify it also in a backtest, where a trade has no id while the strategy runs.
    """

    pair: str
    side: str
    strategy: str
    timeframe: str
    entry_bar: datetime

    @property
    def key(self) -> str:
        """The key to send as `position_key` with every question about the position; it is known before the order.

        >>> Position("BTC/USDT", "long", "Donchian", "1h", datetime(2026, 11, 27, 10, tzinfo=UTC)).key
        '2026-11-27T10:00Z BTC/USDT long 1h Donchian'
        """
        bar = self.entry_bar.astimezone(UTC)
        return f"{bar:%Y-%m-%dT%H:%MZ} {self.pair} {self.side} {self.timeframe} {self.strategy}"[:LONGEST_KEY].strip()


def bar_start(at: datetime, timeframe: str) -> datetime:
    """Return when the bar that holds `at` (an aware time) began, in UTC. Raises ValueError.

    >>> bar_start(datetime.fromisoformat("2026-11-01T10:07:30+00:00"), "5m").isoformat()
    '2026-11-01T10:05:00+00:00'
    """
    found = _TIMEFRAME.fullmatch(timeframe)
    if found is None:
        raise ValueError(f"{timeframe!r} is no timeframe; write one such as 5m, 1h or 1d")
    if at.utcoffset() is None:
        raise ValueError("the time names no time zone; pass an aware datetime")
    bar = int(found[1]) * _UNITS[found[2]]
    return _EPOCH + (at - _EPOCH) // bar * bar
