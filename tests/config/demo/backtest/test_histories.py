from __future__ import annotations

import math

import numpy as np
import pytest

from config.demo.backtest.histories import Histories, histories
from config.demo.backtest.rules import PATTERNS
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, Indicators
from tests.config.demo.backtest.naive import naive_trade
from tests.telemetry.core.market_context.builders import random_bars


@pytest.fixture(scope="module")
def bars() -> Bars:
    return random_bars(21, 1500, volatility=0.02)


@pytest.fixture(scope="module")
def found(bars: Bars) -> Histories:
    return histories(bars)


class TestHistories:
    def test_tell_each_trade_as_the_naive_loop_does(self, bars: Bars, found: Histories) -> None:
        indicators = Indicators.of(bars)
        assert len(found) > 50
        for row in range(len(found)):
            one = naive_trade(bars, indicators, int(found.entry[row]) - 1, PATTERNS[found.pattern[row]].side)
            assert one is not None
            assert found.rr[row] == pytest.approx(one.rr, abs=1e-9)
            assert (found.exit[row], found.exit_reason[row]) == (one.exit_bar, one.reason)
            assert found.trim[row] == (-1 if one.trim_bar is None else one.trim_bar)

    def test_judge_the_exit_by_the_close_24_bars_later(self, bars: Bars, found: Histories) -> None:
        atr = Indicators.of(bars).atr
        for row in range(len(found)):
            side, risk = PATTERNS[found.pattern[row]].side, 2 * atr[found.entry[row] - 1]
            later = int(found.exit[row]) + 24
            if later >= len(bars):
                assert math.isnan(found.exit_after[row])
                continue
            entry, close = bars.open[found.entry[row]] * (1 + 0.0005 * side), bars.close[later]
            held = (side * (close - entry) - 0.001 * (entry + close)) / risk
            assert found.exit_leg[row] + found.exit_after[row] == pytest.approx(held, abs=1e-9)

    def test_give_signals_of_the_bar_before_the_action(self, bars: Bars, found: Histories) -> None:
        indicators = Indicators.of(bars)
        side = np.array([PATTERNS[pattern].side for pattern in found.pattern])
        for signals, acted in ((found.at_entry, found.entry), (found.at_exit, found.exit)):
            expected = np.where(side == LONG, indicators.ts[LONG][acted - 1], indicators.ts[-LONG][acted - 1])
            np.testing.assert_array_equal(signals.ts, expected)
            np.testing.assert_array_equal(signals.atr, indicators.atr[acted - 1])

    def test_know_how_far_the_price_came_back_only_of_a_position(self, bars: Bars, found: Histories) -> None:
        atr = Indicators.of(bars).atr
        assert np.isnan(found.at_entry.dx).all()
        for row in np.flatnonzero(found.exit > found.entry):
            before, side = slice(found.entry[row], found.exit[row]), PATTERNS[found.pattern[row]].side
            entry = side * bars.open[found.entry[row]] + 0.0005 * bars.open[found.entry[row]]
            best = max(entry, (bars.high[before] if side == LONG else -bars.low[before]).max())
            last = found.exit[row] - 1
            back = (best - side * bars.close[last]) / (3 * atr[last])
            assert found.at_exit.dx[row] == pytest.approx(min(max(back, 0), 1), abs=1e-9)

    def test_reach_as_far_as_the_prices_while_open(self, bars: Bars, found: Histories) -> None:
        """Of a bar that ended in a stop only the exit price counts."""
        atr = Indicators.of(bars).atr
        for row in np.flatnonzero(np.array(found.exit_reason) != "time_stop"):
            side, risk = PATTERNS[found.pattern[row]].side, 2 * atr[found.entry[row] - 1]
            opened = bars.open[found.entry[row]]
            entry = side * opened + 0.0005 * opened
            before = slice(found.entry[row], found.exit[row])
            prices = np.concatenate([side * bars.low[before], side * bars.high[before], [entry]])
            assert found.mfe[row] == pytest.approx((prices.max() - entry) / risk, abs=1e-9)
            assert found.mae[row] <= (prices.min() - entry) / risk + 1e-9
