"""The positions that the rules take on one pair and timeframe, at most one open position for each rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.demo.backtest.price_paths import Paths
from config.demo.backtest.rules import PATTERNS, crosses_unit_change, one_at_a_time, signals
from config.demo.backtest.simulation import Replay, replay
from telemetry.core.market_context.bars import Bars, Flags, Ints
from telemetry.core.market_context.indicators import Indicators

RISK_FLOOR = 0.004


@dataclass(frozen=True, eq=False)
class Positions:
    """One row for each position; those of a pattern are adjacent and in time order.

    `pattern` is a position in PATTERNS; `signal`, `entry` and `exit` are bar numbers, and `exit` is the number of bars
    if the data ends first. `is_trade` is False for positions that are still open or cross a change of units: they block
    others but are no trades.
    """

    pattern: Ints
    side: Ints
    signal: Ints
    exit: Ints
    is_trade: Flags

    @property
    def entry(self) -> Ints:
        return self.signal + 1

    def trades(self) -> Positions:
        """Return the positions that are trades."""
        kept = self.is_trade
        return Positions(self.pattern[kept], self.side[kept], self.signal[kept], self.exit[kept], kept[kept])

    def holding(self, side: Ints, bar: Ints) -> Flags:
        """Return, for each `bar`, whether an earlier entry on the same side is still open when the bar opens.

        A rule never enters while its own position is open, so at an entry the open position is another rule's.
        """
        since, until = self.entry < bar[:, None], self.exit >= bar[:, None]
        held: Flags = (since & until & (self.side == side[:, None])).any(axis=1)
        return held


def take(bars: Bars, indicators: Indicators) -> Positions:
    """Return all positions of the six patterns; signals with a risk below 0.4 % of the price are ignored."""
    fired = [signals(pattern, bars, indicators) for pattern in PATTERNS]
    pattern = np.repeat(np.arange(len(PATTERNS)), [len(one) for one in fired])
    side = np.array([one.side for one in PATTERNS])[pattern]
    signal = np.concatenate(fired)
    has_entry = signal + 1 < len(bars)
    pattern, side, signal = pattern[has_entry], side[has_entry], signal[has_entry]
    paths = Paths.of(bars, indicators, signal, side)
    result = replay(paths)
    out = exit_bars(bars, signal, result)
    worth = paths.risk >= RISK_FLOOR * np.abs(paths.entry)
    candidates = [np.flatnonzero(worth & (pattern == one)) for one in range(len(PATTERNS))]
    rows = np.concatenate([_taken(one, signal, out) for one in candidates])
    crosses = crosses_unit_change(bars, signal[rows], np.minimum(out[rows], len(bars) - 1))
    return Positions(pattern[rows], side[rows], signal[rows], out[rows], result.closed[rows] & ~crosses)


def exit_bars(bars: Bars, signal: Ints, result: Replay) -> Ints:
    """Return the bar of each exit; the number of bars if the data ends before."""
    return np.where(result.closed, signal + 1 + result.exit_bar, len(bars))


def _taken(rows: Ints, signal: Ints, out: Ints) -> Ints:
    return rows[one_at_a_time(signal[rows].tolist(), out[rows].tolist())]
