"""The market around a trade, hour by hour: phases of an equal-weight index, liquidity buckets, traded volume.

Row h of every table uses only the hourly bars of the first h hours, so a lookup cannot look ahead. The tables go on for
a day after the last bar, because a market that was silent for an hour is not unknown; after a silent day it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bars import DAY, HOUR, Bars, Floats, Ints, unit_changes
from .universe import Universe

HORIZONS = {"macro_phase": 720, "meso_phase": 168, "micro_phase": 24}
PHASES = ("Oh-Shit", "Double-Dip", "Dip", "Recover", "Good", "Euphoria")
PHASE_CUTS = (-1.30, -0.90, -0.20, 0.40, 1.20)
VOLATILITY_HOURS, LEAST_HOURS = 720, 168
BUCKETS = ("micro", "mid", "big")
BUCKET_DAYS, LEAST_DAYS, FULL_DAY = 30, 7, 20
QUIET_HOURS = 24


@dataclass(frozen=True)
class Day:
    """Fixed at 00:00 UTC: each pair's bucket, and the buckets by their pairs' mean return of 7 days, best first."""

    bucket: Mapping[str, str]
    ranking: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Market:
    """The market's tables.

    universe  the pairs that the tables are computed from
    start     midnight before the first bar (epoch seconds), from which the hours of the tables count
    first     each pair's first bar (epoch seconds)
    phases    {dimension: label by hour}, "" if the history is too short
    volume    {symbol: quote volume of the last 24 h by hour}, NaN if unknown
    days      one entry for each midnight, None if the history is too short
    silence   hours without a bar of any pair before each hour
    """

    universe: Universe
    start: int
    first: Mapping[str, int]
    phases: Mapping[str, Sequence[str]]
    volume: Mapping[str, Floats]
    days: Sequence[Day | None]
    silence: Ints

    @classmethod
    def of(cls, bars: Iterable[Bars], universe: Universe | None = None) -> Market:
        """Return the market of hourly bars, one entry for each pair of the universe; by default that is these pairs.

        The order of the pairs is of no consequence. Raises ValueError if the bars are of other pairs, or of none.
        """
        pairs = sorted((one for one in bars if len(one) > 0), key=lambda one: one.symbol)
        universe = universe or Universe.of("bars", [one.symbol for one in pairs])
        _refuse_other_pairs(universe, [one.symbol for one in pairs])
        first = min(int(one.time[0]) for one in pairs)
        start = first // DAY * DAY
        hours = (max(int(one.end[-1]) for one in pairs) - start) // HOUR + QUIET_HOURS
        returns = _by_hour(pairs, [_returns(one) for one in pairs], start, hours)
        quotes = _by_hour(pairs, [one.close * one.volume for one in pairs], start, hours)
        volume = last_24_hours(quotes)
        lead = (first - start) // HOUR
        return cls(
            universe=universe,
            start=start,
            first={one.symbol: int(one.time[0]) for one in pairs},
            phases={name: [""] * lead + labels for name, labels in index_phases(returns[lead:]).items()},
            volume={symbol: volume[:, column] for column, symbol in enumerate(universe.pairs)},
            days=_days(universe.pairs, returns, quotes),
            silence=_silence(quotes),
        )

    def hour(self, at: int) -> int:
        """Return the hours passed, and bars closed, at a time in epoch seconds."""
        return (at - self.start) // HOUR

    @property
    def first_close(self) -> int:
        """The end of the first bar of any pair of the universe, in epoch seconds."""
        return min(self.first.values()) + HOUR

    def covers(self, at: int) -> bool:
        """Return whether any pair of the universe had a bar in the 24 hours before a time in epoch seconds."""
        return 0 <= self.hour(at) < len(self.silence) and int(self.silence[self.hour(at)]) < QUIET_HOURS

    def day(self, at: int) -> Day | None:
        """Return the buckets fixed at the last midnight; None while the history is too short."""
        return self.days[(at - self.start) // DAY]


def index_phases(returns: Floats) -> dict[str, list[str]]:
    """Return the phase labels of the equal-weight index, after 0, 1, 2, ... hours.

    z = (the index's log return over the last w hours) / (sigma sqrt(w)), where sigma is the root mean square of its
    hourly returns over the last 720 hours, of which 168 must exist. A value equal to one of PHASE_CUTS has the label
    above it.
    """
    traded = np.isfinite(returns)
    index = np.nansum(returns, axis=1) / np.maximum(traded.sum(axis=1), 1)
    level, squares = _running(index), _running(index**2)
    hour = np.arange(len(level))
    span = np.minimum(hour, VOLATILITY_HOURS)
    sigma = np.sqrt(np.maximum(squares - squares[hour - span], 0) / np.maximum(span, 1))
    return {name: _labels(level, sigma, hours) for name, hours in HORIZONS.items()}


def _labels(level: Floats, sigma: Floats, hours: int) -> list[str]:
    least = max(hours, LEAST_HOURS)
    hour = np.arange(least, len(level))
    move, scale = level[hour] - level[hour - hours], sigma[hour] * np.sqrt(hours)
    z = np.divide(move, scale, out=np.zeros_like(move), where=scale > 0)
    known = [PHASES[place] for place in np.digitize(z, PHASE_CUTS)]
    return [""] * min(least, len(level)) + known


def _refuse_other_pairs(universe: Universe, pairs: Sequence[str]) -> None:
    if tuple(pairs) != universe.pairs:
        absent, foreign = sorted(set(universe.pairs) - set(pairs)), sorted(set(pairs) - set(universe.pairs))
        parts = ((absent, "no bars of"), (foreign, "also bars of"))
        reasons = [f"{words} {', '.join(names[:5])}" for names, words in parts if names]
        raise ValueError(f"the bars are not those of the universe {universe.name}: {'; '.join(reasons)}")


def _silence(quotes: Floats) -> Ints:
    """Return, after 0, 1, 2, ... hours, the hours that have passed since any pair traded; QUIET_HOURS at the start."""
    hour = np.arange(len(quotes) + 1)
    traded = np.append(False, np.isfinite(quotes).any(axis=1))
    silence: Ints = hour - np.maximum.accumulate(np.where(traded, hour, -QUIET_HOURS))
    return silence


def _returns(bars: Bars) -> Floats:
    """Return the log return of each bar; NaN for the first, and where the price changed its unit."""
    returns: Floats = np.where(unit_changes(bars), np.nan, np.diff(np.log(bars.close), prepend=np.nan))
    return returns


def _by_hour(bars: Sequence[Bars], columns: Sequence[Floats], start: int, hours: int) -> Floats:
    """Return one row for each hour and one column for each pair, NaN where a pair did not trade."""
    table = np.full((hours, len(bars)), np.nan)
    for column, (one, values) in enumerate(zip(bars, columns, strict=True)):
        table[(one.time - start) // HOUR, column] = values
    return table


def last_24_hours(quotes: Floats) -> Floats:
    """Return the quote volume of the 24 hours before the start of each hour; NaN unless 20 of them traded."""
    total, count = _running(np.nan_to_num(quotes)), _running(np.isfinite(quotes))
    table = np.full(total.shape, np.nan)
    sums, traded = total[24:] - total[:-24], count[24:] - count[:-24]
    table[24:] = np.where(traded >= FULL_DAY, sums, np.nan)
    return table


def _days(symbols: Sequence[str], returns: Floats, quotes: Floats) -> list[Day | None]:
    """Return one entry for each midnight, including the first."""
    full = len(quotes) // 24
    by_day = quotes[: full * 24].reshape(full, 24, len(symbols))
    daily = np.where(np.isfinite(by_day).sum(axis=1) >= FULL_DAY, np.nansum(by_day, axis=1), np.nan)
    level = _running(np.nan_to_num(returns))[::24]
    weeks = [level[max(0, day - 7) : day + 1] for day in range(full + 1)]
    return [_day(symbols, daily[max(0, day - BUCKET_DAYS) : day], week) for day, week in enumerate(weeks)]


def _day(symbols: Sequence[str], daily: Floats, level: Floats) -> Day | None:
    """Return the terciles of median daily quote volume, among the pairs with a week of days."""
    known = np.flatnonzero(np.isfinite(daily).sum(axis=0) >= LEAST_DAYS)
    if len(known) < len(BUCKETS):
        return None
    order = known[np.argsort(np.nanmedian(daily[:, known], axis=0), kind="stable")]
    thirds = np.arange(len(order)) * len(BUCKETS) // len(order)
    week = level[-1] - level[0]
    mean = {name: float(week[order[thirds == rank]].mean()) for rank, name in enumerate(BUCKETS)}
    return Day(
        bucket={symbols[column]: BUCKETS[third] for column, third in zip(order, thirds, strict=True)},
        ranking=tuple(sorted(BUCKETS, key=lambda name: -mean[name])),
    )


def _running(values: NDArray[np.float64] | NDArray[np.bool_]) -> Floats:
    """Return running sums along time, starting with 0 before the first hour."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)])
