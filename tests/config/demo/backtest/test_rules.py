from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.demo.backtest.rules import PATTERNS, Pattern, crosses_unit_change, one_at_a_time, signals
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, Indicators
from tests.telemetry.core.market_context.builders import bars_of, random_bars


def naive_fires(pattern: Pattern, bars: Bars, found: Indicators, t: int) -> bool:
    close, before = bars.close[t], bars.close[t - 1]
    if pattern.family == "donchian" and pattern.side == LONG:
        return bool(close > found.donchian_high[t] and before <= found.donchian_high[t - 1])
    if pattern.family == "donchian":
        return bool(close < found.donchian_low[t] and before >= found.donchian_low[t - 1])
    if pattern.family == "ema":
        now, then = found.ema20[t] - found.ema50[t], found.ema20[t - 1] - found.ema50[t - 1]
        return bool(now > 0 and then <= 0) if pattern.side == LONG else bool(now < 0 and then >= 0)
    if pattern.side == LONG:
        return bool(found.ema50[t] > found.ema200[t] and found.rsi[t - 1] < 30 <= found.rsi[t])
    return bool(found.ema50[t] < found.ema200[t] and found.rsi[t - 1] > 70 >= found.rsi[t])


class TestPatterns:
    def test_are_six_with_the_side_in_their_key(self) -> None:
        assert [pattern.key for pattern in PATTERNS] == [
            "donchian.long.breakout",
            "donchian.short.breakout",
            "ema.long.cross",
            "ema.short.cross",
            "rsi.long.dip",
            "rsi.short.dip",
        ]


class TestSignals:
    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def test_are_the_bars_at_which_the_condition_holds(self, seed: int) -> None:
        bars = random_bars(seed, 500)
        found = Indicators.of(bars)
        for pattern in PATTERNS:
            expected = [t for t in range(200, 500) if naive_fires(pattern, bars, found, t)]
            assert signals(pattern, bars, found).tolist() == expected

    def test_do_not_exist_in_the_first_200_bars(self) -> None:
        flat = [(100.0, 101.0, 99.0, 100.0)]
        jump = [(100.0, 120.0, 100.0, 120.0)]
        early, late = bars_of(flat * 199 + jump), bars_of(flat * 200 + jump)

        assert signals(PATTERNS[0], early, Indicators.of(early)).tolist() == []
        assert signals(PATTERNS[0], late, Indicators.of(late)).tolist() == [200]


class TestOneAtATime:
    def test_ignores_signals_up_to_and_with_the_exit_bar(self) -> None:
        assert one_at_a_time([200, 205, 206, 207], [206, 300, 301, 302]) == [0, 3]

    def test_lets_a_trade_without_end_keep_its_place(self) -> None:
        assert one_at_a_time([200, 400], [500, 450]) == [0]


class TestUnitChange:
    def test_sees_a_jump_from_200_bars_before_the_signal_to_the_exit(self) -> None:
        closes = np.full(500, 100.0)
        closes[250:] *= 3.01
        bars = bars_of([(c, c, c, c) for c in closes])
        signal, out = np.array([230, 240, 450, 451]), np.array([249, 250, 470, 470])

        assert crosses_unit_change(bars, signal, out).tolist() == [False, True, True, False]

    def test_takes_a_threefold_move_for_a_price(self) -> None:
        closes = np.where(np.arange(300) < 250, 1.0, math.nextafter(3.0, 0))
        bars = bars_of([(c, c, c, c) for c in closes])

        assert not crosses_unit_change(bars, np.array([240]), np.array([260]))[0]
