"""Bars, given by hand or random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telemetry.core.market_context.bars import HOUR, SECONDS, Bars

FIRST = 1_704_067_200  # 2024-01-01T00:00Z


def bars_of(
    rows: Sequence[tuple[float, float, float, float]], *, symbol: str = "AAA/USDT", timeframe: str = "1h"
) -> Bars:
    """Return consecutive bars from (open, high, low, close), with a volume of 10 each."""
    opens, highs, lows, closes = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    time = FIRST + SECONDS[timeframe] * np.arange(len(rows))
    return Bars(symbol, timeframe, time, opens, highs, lows, closes, np.full(len(rows), 10.0))


def random_bars(seed: int, hours: int, *, symbol: str = "AAA/USDT", skipped: int = 0, volatility: float = 0.01) -> Bars:
    """Return an hourly random walk around 100 without its first `skipped` hours."""
    random = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(volatility * random.standard_normal(hours)))
    opens = np.append(100.0, closes[:-1]) * np.exp(0.1 * volatility * random.standard_normal(hours))
    wick = np.exp(0.5 * volatility * np.abs(random.standard_normal((2, hours))))
    highs, lows = np.maximum(opens, closes) * wick[0], np.minimum(opens, closes) / wick[1]
    volume = 1000 * np.exp(random.standard_normal(hours))
    whole = Bars(symbol, "1h", FIRST + HOUR * np.arange(hours), opens, highs, lows, closes, volume)
    return whole.where(np.arange(hours) >= skipped)
