"""The textbook rules: their signals at the close of a bar, and the signals that one position at a time can take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from telemetry.core.market_context.bars import Bars, Flags, Floats, Ints, unit_changes
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators

WARM_UP = 200
RSI_LOW, RSI_HIGH = 30, 70


@dataclass(frozen=True)
class Pattern:
    """One rule on one side. Its pattern key is `family.side.motif`."""

    family: str
    side: int
    motif: str

    @property
    def side_name(self) -> str:
        return "long" if self.side == LONG else "short"

    @property
    def key(self) -> str:
        return f"{self.family}.{self.side_name}.{self.motif}"


PATTERNS = tuple(
    Pattern(family, side, motif)
    for family, motif in (("donchian", "breakout"), ("ema", "cross"), ("rsi", "dip"))
    for side in (LONG, SHORT)
)


def signals(pattern: Pattern, bars: Bars, indicators: Indicators) -> Ints:
    """Return the bars t >= 200 at whose close the rule signals an entry (at the open of t + 1).

    donchian: the close leaves the range of the previous 20 bars, and the previous close had not left its own range.
    ema: EMA20 crosses EMA50. rsi: with the trend (EMA50 against EMA200), RSI14 rises above 30 (long) or falls below 70
    (short).
    """
    now = {"donchian": _outside, "ema": _crossed, "rsi": _with_trend_recovered}[pattern.family]
    fired = np.flatnonzero(now(pattern.side, bars, indicators))
    return fired[fired >= WARM_UP]


def _outside(side: int, bars: Bars, indicators: Indicators) -> Flags:
    edge = indicators.donchian_high if side == LONG else indicators.donchian_low
    return _rises(side * bars.close, side * edge)


def _crossed(side: int, bars: Bars, indicators: Indicators) -> Flags:
    return _rises(side * indicators.ema20, side * indicators.ema50)


def _with_trend_recovered(side: int, bars: Bars, indicators: Indicators) -> Flags:
    trend = side * (indicators.ema50 - indicators.ema200) > 0
    level, before = indicators.rsi, _previous(indicators.rsi)
    if side == LONG:
        return trend & (before < RSI_LOW) & (level >= RSI_LOW)
    return trend & (before > RSI_HIGH) & (level <= RSI_HIGH)


def _rises(values: Floats, line: Floats) -> Flags:
    """Return whether values are above a line now and were not one bar earlier."""
    return (values > line) & (_previous(values) <= _previous(line))


def _previous(values: Floats) -> Floats:
    return np.append(np.nan, values[:-1])


def one_at_a_time(signal_bars: Iterable[int], exit_bars: Iterable[int]) -> list[int]:
    """Return the positions of the signals that are taken: signals up to and including an exit bar are ignored.

    >>> one_at_a_time([200, 203, 205, 206], [205, 210, 215, 220])
    [0, 3]
    """
    taken, busy_until = [], -1
    for position, (signal, out) in enumerate(zip(signal_bars, exit_bars, strict=True)):
        if signal > busy_until:
            taken.append(position)
            busy_until = out
    return taken


def crosses_unit_change(bars: Bars, signal: Ints, out: Ints) -> Flags:
    """Return whether a close from 200 bars before the signal to the exit jumps threefold: a change of unit."""
    count = np.append(0, np.cumsum(unit_changes(bars)))
    return count[out + 1] > count[signal - WARM_UP]
