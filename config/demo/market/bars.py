"""Price bars of one pair: resample them to a longer timeframe, cut them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR = 3600
DAY = 24 * HOUR
SECONDS = {"5m": 300, "1h": HOUR, "4h": 4 * HOUR}


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars in time order; `time` is the OPEN time in epoch seconds (UTC), and a bar is known only at its `end`.

    Prices are in quote currency, volume in base currency. Time may have gaps: the next existing bar is the next bar.
    """

    symbol: str
    timeframe: str
    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.time)

    @property
    def end(self) -> Ints:
        """The time at which each bar is known, in epoch seconds."""
        return self.time + SECONDS[self.timeframe]

    def between(self, first: int, last: int) -> Bars:
        """Return the bars that opened at or after `first` and had closed by `last` (epoch seconds)."""
        return self.where((self.time >= first) & (self.end <= last))

    def where(self, keep: Flags) -> Bars:
        """Return the bars marked True."""
        return Bars(
            self.symbol,
            self.timeframe,
            self.time[keep],
            self.open[keep],
            self.high[keep],
            self.low[keep],
            self.close[keep],
            self.volume[keep],
        )


def resample(bars: Bars, timeframe: str, *, at_least: int) -> Bars:
    """Return longer bars on UTC boundaries, from buckets with `at_least` bars that ended before the data does.

    >>> one = np.arange(1.0, 7.0)
    >>> hours = Bars("A/B", "1h", 3600 * np.arange(6), one, one + 0.5, one - 0.5, one + 0.1, one)
    >>> four = resample(hours, "4h", at_least=3)
    >>> four.time.tolist(), four.open.tolist(), four.high.tolist(), four.low.tolist()
    ([0], [1.0], [4.5], [0.5])
    >>> four.close.tolist(), four.volume.tolist()
    ([4.1], [10.0])
    """
    seconds = SECONDS[timeframe]
    bucket = bars.time // seconds
    start = np.flatnonzero(np.diff(bucket, prepend=bucket[:1] - 1))
    stop = np.append(start[1:], len(bars))
    longer = Bars(
        bars.symbol,
        timeframe,
        time=bucket[start] * seconds,
        open=bars.open[start],
        high=np.maximum.reduceat(bars.high, start),
        low=np.minimum.reduceat(bars.low, start),
        close=bars.close[stop - 1],
        volume=np.add.reduceat(bars.volume, start),
    )
    return longer.where((stop - start >= at_least) & (longer.end <= bars.end[-1:]))


def four_hours(bars: Bars) -> Bars:
    """Return 4 h bars from hourly ones, where at least three of the four hours traded."""
    return resample(bars, "4h", at_least=3)


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
