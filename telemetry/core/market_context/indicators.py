"""Textbook indicators on closed bars, float64; NaN while the history is too short.

Recursions use `itertools.accumulate` over plain floats: exactly the textbook's order of operations, and fast enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .bars import Bars, Floats

LONG, SHORT = 1, -1
ATR_LENGTH = RSI_LENGTH = 14
DONCHIAN_LENGTH = VOLUME_LENGTH = 20


@dataclass(frozen=True, eq=False)
class Indicators:
    """One value for each bar; the signal proxies once for each side, with the key LONG or SHORT."""

    atr: Floats
    ema20: Floats
    ema50: Floats
    ema200: Floats
    rsi: Floats
    donchian_high: Floats
    donchian_low: Floats
    ts: Mapping[int, Floats]
    ox: Mapping[int, Floats]
    edx: Mapping[int, Floats]

    @classmethod
    def of(cls, bars: Bars) -> Indicators:
        atr = wilder(true_range(bars), ATR_LENGTH)
        ema20, ema50, ema200 = (ema(bars.close, length) for length in (20, 50, 200))
        sides = (LONG, SHORT)
        ox = {side: over_extension(side, bars.close, ema20, atr) for side in sides}
        surge = np.clip(bars.volume / trailing_mean(bars.volume, VOLUME_LENGTH) - 1, 0, 1)
        return cls(
            atr=atr,
            ema20=ema20,
            ema50=ema50,
            ema200=ema200,
            rsi=rsi(bars.close, RSI_LENGTH),
            donchian_high=previous_extreme(bars.high, DONCHIAN_LENGTH),
            donchian_low=-previous_extreme(-bars.low, DONCHIAN_LENGTH),
            ts={side: trend_strength(side, ema20, ema50, atr) for side in sides},
            ox=ox,
            edx={side: ox[side] * surge for side in sides},
        )


def true_range(bars: Bars) -> Floats:
    """Return max(high - low, |high - previous close|, |low - previous close|); high - low for the first bar."""
    before = np.append(bars.close[:1], bars.close[:-1])
    ranges = np.maximum(bars.high - bars.low, np.maximum(np.abs(bars.high - before), np.abs(bars.low - before)))
    ranges[:1] = bars.high[:1] - bars.low[:1]
    return ranges


def wilder(values: Floats, length: int) -> Floats:
    """Return Wilder's mean: first the mean of `length` values, then (previous (length - 1) + value) / length.

    >>> wilder(np.array([1.0, 2.0, 6.0, 9.0]), 3).tolist()
    [nan, nan, 3.0, 5.0]
    """
    result = np.full(len(values), np.nan)
    if len(values) >= length:
        seed = float(values[:length].mean())
        steps = accumulate(values[length:].tolist(), lambda mean, x: (mean * (length - 1) + x) / length, initial=seed)
        result[length - 1 :] = list(steps)
    return result


def ema(values: Floats, length: int) -> Floats:
    """Return the exponential mean with alpha = 2 / (length + 1), seeded with the first value.

    >>> ema(np.array([4.0, 8.0, 2.0]), 3).tolist()
    [4.0, 6.0, 4.0]
    """
    alpha = 2 / (length + 1)
    return np.array(list(accumulate(values.tolist(), lambda mean, x: mean + alpha * (x - mean))))


def rsi(closes: Floats, length: int) -> Floats:
    """Return 100 - 100 / (1 + up / down), with Wilder means of rises and falls; 100 if nothing fell.

    >>> rsi(np.array([1.0, 2.0, 4.0, 3.0, 3.0]), 2).tolist()
    [nan, nan, 100.0, 60.0, 60.0]
    """
    change = np.diff(closes)
    up, down = wilder(np.maximum(change, 0), length), wilder(np.maximum(-change, 0), length)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(down == 0, 100.0, 100 - 100 / (1 + up / down))
    return np.append(np.nan, index)[: len(closes)]


def previous_extreme(values: Floats, length: int) -> Floats:
    """Return the maximum of the `length` values BEFORE each value.

    >>> previous_extreme(np.array([3.0, 1.0, 2.0, 5.0]), 2).tolist()
    [nan, nan, 3.0, 2.0]
    """
    result = np.full(len(values), np.nan)
    if len(values) > length:
        result[length:] = sliding_window_view(values[:-1], length).max(axis=1)
    return result


def trailing_mean(values: Floats, length: int) -> Floats:
    """Return the mean of the last `length` values, this one included; NaN instead of a mean of zero."""
    result = np.full(len(values), np.nan)
    if len(values) >= length:
        result[length - 1 :] = sliding_window_view(values, length).mean(axis=1)
    result[result == 0] = np.nan
    return result


def trend_strength(side: int, ema20: Floats, ema50: Floats, atr: Floats) -> Floats:
    """Return TS = .5 + .5 tanh(side (EMA20 - EMA50) / (2 ATR)), in [0, 1]; 0.5 without a trend."""
    return 0.5 + 0.5 * np.tanh(side * (ema20 - ema50) / (2 * _positive(atr)))


def over_extension(side: int, closes: Floats, ema20: Floats, atr: Floats) -> Floats:
    """Return OX = clip(side (close - EMA20) / (3 ATR), 0, 1): how far the price has run ahead."""
    return np.clip(side * (closes - ema20) / (3 * _positive(atr)), 0, 1)


def dip(side: int, best: Floats, closes: Floats, atr: Floats) -> Floats:
    """Return DX = clip(side (best price since entry - close) / (3 ATR), 0, 1): how far the price has come back."""
    return np.clip(side * (best - closes) / (3 * _positive(atr)), 0, 1)


def _positive(atr: Floats) -> Floats:
    """Return NaN for an ATR of 0, because a market that does not move has no scale."""
    return np.where(atr > 0, atr, np.nan)
