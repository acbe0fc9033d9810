"""The bars of one pair, and what is computed from them alone: indicators as of the last bar that had closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from .bars import DAY, HOUR, SECONDS, Bars, Floats, lengthened, unit_changes
from .indicators import ATR_LENGTH, ema, over_extension, trend_strength, true_range, wilder
from .market import QUIET_HOURS, last_24_hours

FAST, SLOW = 20, 50
RANKED_HOURS = 120
NOTHING = float("nan")


@dataclass(frozen=True, eq=False)
class Course:
    """Closed bars with their ATR14, EMA20 and EMA50; NaN until each has as many bars as its length.

    After a change of unit they begin anew, since they would take it for a movement.
    """

    bars: Bars
    atr: Floats
    fast: Floats
    slow: Floats

    @classmethod
    def of(cls, bars: Bars) -> Course:
        era = np.cumsum(unit_changes(bars))
        eras = [bars.where(era == number) for number in range(int(era[-1]) + 1)] if era[-1] else [bars]
        atr = np.concatenate([wilder(true_range(each), ATR_LENGTH) for each in eras])
        fast, slow = (np.concatenate([_mean(each, length) for each in eras]) for length in (FAST, SLOW))
        return cls(bars, atr, fast, slow)

    def last(self, at: int) -> int:
        """Return the number of the last bar that had closed at a time in epoch seconds; -1 if none had within a day.

        A bar of the timeframe may be unfinished on top of the day.
        """
        place = int(np.searchsorted(self.bars.time, at - SECONDS[self.bars.timeframe], side="right")) - 1
        oldest = at - DAY - SECONDS[self.bars.timeframe]
        return place if place >= 0 and int(self.bars.end[place]) >= oldest else -1


def _mean(bars: Bars, length: int) -> Floats:
    """Return the exponential mean of the closes; NaN until there are as many as its length."""
    mean = ema(bars.close, length)
    mean[: length - 1] = np.nan
    return mean


class PairHistory:
    """One pair's bars in one or several timeframes, as they are on disk."""

    def __init__(self, symbol: str, bars: Iterable[Bars]) -> None:
        self.symbol = symbol
        self.bars: Mapping[str, Bars] = {one.timeframe: one for one in bars if len(one) > 0}
        self.course = cache(self._course)
        self.scores = cache(self._scores)

    def __len__(self) -> int:
        return sum(map(len, self.bars.values()))

    def in_timeframe(self, timeframe: str) -> Bars | None:
        """Return the bars of a timeframe: as they are, else from the longest timeframe that divides it, else None."""
        if timeframe in self.bars:
            return self.bars[timeframe]
        shorter = sorted((SECONDS[name], name) for name in self.bars if timeframe in SECONDS)
        found = (lengthened(self.bars[name], timeframe) for _, name in reversed(shorter))
        return next((bars for bars in found if bars is not None and len(bars) > 0), None)

    @property
    def hourly(self) -> Bars | None:
        """The bars of one hour; None if the bars are longer than that."""
        return self.in_timeframe("1h")

    def _course(self, timeframe: str) -> Course | None:
        bars = self.in_timeframe(timeframe)
        return None if bars is None else Course.of(bars)

    def _scores(self, timeframe: str, side: int) -> tuple[Floats, Floats] | None:
        course = self.course(timeframe)
        if course is None:
            return None
        ts = trend_strength(side, course.fast, course.slow, course.atr)
        return ts, over_extension(side, course.bars.close, course.fast, course.atr)

    def ts_and_ox(self, timeframe: str, side: int, at: int) -> tuple[float, float]:
        """Return trend strength and over-extension of the last closed bar; NaN if unknown. `side` is 1 or -1."""
        course, scores = self.course(timeframe), self.scores(timeframe, side)
        last = -1 if course is None else course.last(at)
        return (NOTHING, NOTHING) if scores is None or last < 0 else (float(scores[0][last]), float(scores[1][last]))

    def atr(self, at: int) -> float:
        """Return the ATR14 of the last 1 h bar closed at a time in epoch seconds, as a price; NaN if unknown."""
        course = self.course("1h")
        last = -1 if course is None else course.last(at)
        return NOTHING if course is None or last < 0 else float(course.atr[last])

    def price(self, at: int) -> float:
        """Return the close of the last 1 h bar that had closed at a time in epoch seconds; NaN if unknown."""
        course = self.course("1h")
        last = -1 if course is None else course.last(at)
        return NOTHING if course is None or last < 0 else float(course.bars.close[last])

    def trend(self, at: int) -> float:
        """Return (EMA20 - EMA50) / ATR14 on 1 h bars; NaN if unknown or if the price did not move."""
        course = self.course("1h")
        last = -1 if course is None else course.last(at)
        if course is None or last < 0 or not course.atr[last] > 0:
            return NOTHING
        return float((course.fast[last] - course.slow[last]) / course.atr[last])

    def volatility_rank(self, at: int) -> float:
        """Return the share of the last 120 hourly bars whose ATR14 / close is smaller, ties counted half; else NaN."""
        course = self.course("1h")
        last = -1 if course is None else course.last(at)
        if course is None or last < RANKED_HOURS - 1:
            return NOTHING
        window = slice(last - RANKED_HOURS + 1, last + 1)
        values = course.atr[window] / course.bars.close[window]
        below, equal = int((values < values[-1]).sum()), int((values == values[-1]).sum()) - 1
        return NOTHING if np.isnan(values).any() else (below + equal / 2) / (RANKED_HOURS - 1)

    def quote_volume(self, at: int) -> float:
        """Return the quote volume of the 24 whole hours before an action; NaN unless 20 of them traded."""
        hour = at // HOUR - self._daily_volume[0]
        volume = self._daily_volume[1]
        return float(volume[hour]) if 0 <= hour < len(volume) else NOTHING

    @cached_property
    def _daily_volume(self) -> tuple[int, Floats]:
        """The hour (since the epoch) of the first row, and the sums; the rows begin a day before the first bar."""
        bars = self.hourly
        if bars is None:
            return 0, np.empty(0)
        start = int(bars.time[0]) // HOUR - QUIET_HOURS
        table = np.full((int(bars.time[-1]) // HOUR + 1 - start + QUIET_HOURS, 1), np.nan)
        table[bars.time // HOUR - start, 0] = bars.close * bars.volume
        return start, last_24_hours(table)[:, 0]
