"""Price bars of one pair: resample them to a longer timeframe, cut them at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR = 3600
DAY = 24 * HOUR
UNIT_CHANGE = np.log(3.0)
SECONDS = {
    **{f"{minutes}m": 60 * minutes for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}h": HOUR * hours for hours in (1, 2, 4, 6, 8, 12)},
    "1d": DAY,
}


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


def unit_changes(bars: Bars) -> Flags:
    """Return whether each close is three times or a third of the one before: a change of unit, and no return.

    >>> one = np.array([1.0, 2.0, 500.0, 501.0])
    >>> unit_changes(Bars("A/B", "1h", 3600 * np.arange(4), one, one, one, one, one)).tolist()
    [False, False, True, False]
    """
    logs = np.log(bars.close)
    changes: Flags = np.abs(np.diff(logs, prepend=logs[:1])) > UNIT_CHANGE
    return changes


def resample(bars: Bars, timeframe: str, *, at_least: int, drop_unfinished: bool = True) -> Bars:
    """Return longer bars on UTC boundaries, from buckets of at least `at_least` bars.

    A bucket that had not ended when the data does is dropped, unless `drop_unfinished` is False.

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
    kept = stop - start >= at_least
    return longer.where(kept & (longer.end <= bars.end[-1:]) if drop_unfinished else kept)


def four_hours(bars: Bars) -> Bars:
    """Return 4 h bars from hourly ones, where at least three of the four hours traded."""
    return resample(bars, "4h", at_least=3)


def lengthened(bars: Bars, timeframe: str) -> Bars | None:
    """Return the bars in a timeframe that is equal or longer; None if theirs does not divide it.

    A bar of up to one hour needs half of its parts. A longer one is built from hours and needs three quarters of them.
    The newest bar may be unfinished: it counts only from its end on, so it is decided by its parts alone whether it
    exists, and not by what the data holds later.
    """
    here, there = SECONDS[bars.timeframe], SECONDS[timeframe]
    if here == there:
        return bars
    if here > there or there % here != 0 or len(bars) == 0:
        return None
    if here < HOUR < there:
        hours = lengthened(bars, "1h")
        return None if hours is None else lengthened(hours, timeframe)
    parts = there // here
    at_least = -(-parts // 2) if there <= HOUR else -(-3 * parts // 4)
    return resample(bars, timeframe, at_least=at_least, drop_unfinished=False)
