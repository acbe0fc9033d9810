"""The bars that follow each entry, as matrices, the input of a replay.

Short positions are mirrored (p becomes -p, high and low are swapped), so the same comparisons serve both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telemetry.core.market_context.bars import Bars, Flags, Floats, Ints
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators, dip

HOLDING_BARS = 72
RISK_ATR = 2.0
SLIPPAGE, FEE = 0.0005, 0.001


@dataclass(frozen=True, eq=False)
class Paths:
    """Mirrored prices: one row for each trade, one column for each of the 72 bars from the entry bar on.

    `entry` is the price paid, `risk` is 1 R (2 ATR of the signal bar) as a price, `best` the best price since entry
    including the bar, `inside` is False after the end of the data.
    """

    entry: Floats
    risk: Floats
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    atr: Floats
    best: Floats
    ts: Floats
    ox: Floats
    edx: Floats
    inside: Flags

    @property
    def dx(self) -> Floats:
        """How far the close has come back from the best price since entry; NaN where the market does not move."""
        return dip(LONG, self.best, self.close, self.atr)

    @classmethod
    def of(cls, bars: Bars, indicators: Indicators, signal: Ints, side: Ints, *, delay: int = 0) -> Paths:
        """Enter `delay` bars after the open that follows the signal; the risk stays that of the signal bar."""
        index = (signal + 1 + delay)[:, None] + np.arange(HOLDING_BARS)
        inside = index < len(bars)
        index = np.minimum(index, len(bars) - 1)
        mirror, is_long = side[:, None], side[:, None] == LONG
        high, low = bars.high[index], bars.low[index]
        top, opens = np.where(is_long, high, -low), mirror * bars.open[index]
        entry = slipped(opens[:, 0])
        return cls(
            entry=entry,
            risk=RISK_ATR * indicators.atr[signal],
            open=opens,
            high=top,
            low=np.where(is_long, low, -high),
            close=mirror * bars.close[index],
            atr=indicators.atr[index],
            best=np.maximum(np.maximum.accumulate(top, axis=1), entry[:, None]),
            ts=np.where(is_long, indicators.ts[LONG][index], indicators.ts[SHORT][index]),
            ox=np.where(is_long, indicators.ox[LONG][index], indicators.ox[SHORT][index]),
            edx=np.where(is_long, indicators.edx[LONG][index], indicators.edx[SHORT][index]),
            inside=inside,
        )

    def leg(self, sold: Floats, bought: Floats | None = None) -> Floats:
        """Return the result in R of one unit sold at `sold` (mirrored), after fees; bought at the entry by default."""
        price = self.entry if bought is None else bought
        return (sold - price - FEE * (np.abs(price) + np.abs(sold))) / self.risk


def slipped(opens: Floats) -> Floats:
    """Return the price of an order at the open: 5 basis points worse.

    >>> slipped(np.array([100.0, -100.0])).tolist()
    [100.05, -99.95]
    """
    return opens + SLIPPAGE * np.abs(opens)


def at(columns: Floats, bar: Ints) -> Floats:
    """Return each row's value at its own bar, or in the last column for a bar beyond it."""
    values: Floats = columns[np.arange(len(bar)), np.minimum(bar, columns.shape[1] - 1)]
    return values


def first(mask: Flags) -> Ints:
    """Return the column of the first True in each row; the number of columns if there is none.

    >>> first(np.array([[False, True], [False, False]])).tolist()
    [1, 2]
    """
    columns: Ints = np.where(mask.any(axis=1), mask.argmax(axis=1), mask.shape[1])
    return columns
