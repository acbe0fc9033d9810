"""A literal implementation of a trade, bar by bar in plain prices, to check the vectorised replay."""

from __future__ import annotations

from dataclasses import dataclass

from config.demo.backtest.simulation import AS_TRADED, Rule
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, Indicators


@dataclass
class NaiveTrade:
    rr: float
    exit_bar: int
    reason: str
    trim_bar: int | None


def naive_trade(
    bars: Bars, indicators: Indicators, t: int, side: int, rule: Rule = AS_TRADED, delay: int = 0
) -> NaiveTrade | None:
    """Return the trade, or None if the data ends first. `exit_bar` and `trim_bar` are bar numbers."""
    start = t + 1 + delay
    if start >= len(bars):
        return None
    risk = 2 * indicators.atr[t]
    entry = bars.open[start] * (1 + 0.0005 * side)
    stop = initial = entry - side * rule.panic_trigger_mult * risk
    level = entry + side * rule.trim_delay_mult * 1.5 * risk
    first_part, added_at = rule.phase1_frac_mult, None
    best = entry
    trim_bar, trim_price, add_next, trim_next = None, 0.0, False, False

    def leg(price: float, bought: float) -> float:
        return float((side * (price - bought) - 0.001 * (bought + price)) / risk)

    def finish(price: float, k: int, reason: str) -> NaiveTrade:
        def unit(bought: float, was_trimmed: bool) -> float:
            rest = leg(price, bought)
            return leg(trim_price, bought) / 3 + rest * 2 / 3 if was_trimmed else rest

        rr = first_part * unit(entry, trim_bar is not None)
        if added_at is not None:
            added_trimmed = trim_bar is not None and trim_bar >= added_at[0]
            rr += (1 - first_part) * unit(added_at[1], added_trimmed)
        return NaiveTrade(rr, k, reason, trim_bar)

    for k in range(start, len(bars)):
        opened = bars.open[k]
        if add_next:
            added_at, add_next = (k, opened * (1 + 0.0005 * side)), False
        if trim_next:
            trim_bar, trim_price, trim_next = k, opened, False
        worst, top = (bars.low[k], bars.high[k]) if side == LONG else (bars.high[k], bars.low[k])
        if side * (worst - stop) <= 0:
            price = opened if side * (opened - stop) < 0 else stop
            return finish(price, k, "initial_stop" if stop == initial else "trail_stop")
        if rule.min_ox_for_trim is None and trim_bar is None and side * (top - level) >= 0:
            trim_bar, trim_price = k, level
        if k == start + 71:
            return finish(bars.close[k], k, "time_stop")
        best = max(best, top) if side == LONG else min(best, top)
        trailed = best - side * rule.trail_mult * 3 * indicators.atr[k]
        stop = max(stop, trailed) if side == LONG else min(stop, trailed)
        if rule.min_ox_for_trim is not None and trim_bar is None:
            trim_next = bool(indicators.ox[side][k] >= rule.min_ox_for_trim)
        beyond = side * (bars.close[k] - entry) >= 0.5 * risk
        if first_part != 1 and added_at is None:
            is_dip = side * (best - bars.close[k]) / (3 * indicators.atr[k]) >= rule.min_dx_for_add
            is_calm = indicators.edx[side][k] <= rule.max_edx_for_add
            add_next = bool(beyond and indicators.ts[side][k] >= rule.min_ts_for_add and is_dip and is_calm)
    return None
