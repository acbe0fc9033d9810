"""The positions that the rules take on one pair and timeframe: signals, a replay, one position per rule at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.demo.backtest.price_paths import Paths
from config.demo.backtest.rules import PATTERNS, crosses_unit_change, one_at_a_time, signals
from config.demo.backtest.simulation import Replay, replay
from config.demo.market.bars import Bars, Flags, Ints
from config.demo.market.indicators import Indicators

RISK_FLOOR = 0.004


@dataclass(frozen=True, eq=False)
class Positions:
    """One row per position, those of a pattern together and in time order.

    pattern: its place in PATTERNS; signal, entry, exit: bars; where the data ends first `exit` is the number of bars.
    A position that is still open or crosses a change of units held its place but is no trade: `is_trade` is False.
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
        kept = self.is_trade
        return Positions(self.pattern[kept], self.side[kept], self.signal[kept], self.exit[kept], kept[kept])

    def holding(self, side: Ints, bar: Ints) -> Flags:
        """Whether, when each `bar` opens, an earlier entry on the same side is not out by the bars closed until then.

        A rule never enters while its own position is open, so at an entry this is another rule's.
        """
        since, until = self.entry < bar[:, None], self.exit >= bar[:, None]
        held: Flags = (since & until & (self.side == side[:, None])).any(axis=1)
        return held


def take(bars: Bars, indicators: Indicators) -> Positions:
    """All positions of the six patterns. Signals whose risk is below 0.4 % of the price are not taken at all."""
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
    """The bar of each exit; the number of bars where the data ends before."""
    return np.where(result.closed, signal + 1 + result.exit_bar, len(bars))


def _taken(rows: Ints, signal: Ints, out: Ints) -> Ints:
    return rows[one_at_a_time(signal[rows].tolist(), out[rows].tolist())]
