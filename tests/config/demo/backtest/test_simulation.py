from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.demo.backtest.counterfactuals import RULES
from config.demo.backtest.price_paths import Paths
from config.demo.backtest.simulation import AS_TRADED, Replay, Rule, replay
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators
from tests.config.demo.backtest.naive import naive_trade
from tests.telemetry.core.market_context.builders import bars_of, random_bars

Row = tuple[float, float, float, float]
ENTRY = 100.05  # the open of 100 and 5 basis points
RISK = 4.0  # two ATR of 2


def replayed(rows: list[Row], *, side: int = LONG, rule: Rule = AS_TRADED) -> Replay:
    """Replay a trade entered at the first row's open, after 14 bars of range 2 around 100; ATR is held at 2."""
    bars = bars_of([(100, 101, 99, 100)] * 14 + rows)
    indicators = replace(Indicators.of(bars), atr=np.full(len(bars), 2.0))
    return replay(Paths.of(bars, indicators, np.array([13]), np.array([side])), rule)


def leg(price: float, *, side: int = LONG, entry: float = ENTRY) -> float:
    return (side * (price - entry) - 0.001 * (entry + price)) / RISK


QUIET: Row = (100, 101, 99, 100)


class TestStop:
    def test_sells_all_at_the_initial_stop(self) -> None:
        result = replayed([QUIET, (100, 100, 96, 97)])

        assert result.exit_price[0] == pytest.approx(ENTRY - RISK, rel=1e-12)
        assert result.rr[0] == pytest.approx(leg(ENTRY - RISK), rel=1e-12)
        assert (result.stopped[0], result.stop_moved[0], result.exit_bar[0]) == (True, False, 1)

    def test_sells_at_the_open_that_gapped_beyond_it(self) -> None:
        result = replayed([QUIET, (90, 91, 89, 90)])

        assert result.rr[0] == pytest.approx(leg(90.0), rel=1e-12)

    def test_comes_before_the_trim_in_a_bar_that_touches_both(self) -> None:
        result = replayed([(100, 110, 95, 100)])

        assert not result.trimmed[0]
        assert result.rr[0] == pytest.approx(leg(ENTRY - RISK), rel=1e-12)

    def test_trails_the_best_price_from_the_next_bar_on(self) -> None:
        # Bar 0 reaches 105: the stop rises to 105 - 3 * 2 = 99, and only bar 1 can touch it.
        result = replayed([(100, 105, 98, 104), (104, 104, 98.5, 100)])

        assert result.exit_bar[0] == 1
        assert result.exit_price[0] == pytest.approx(99.0, rel=1e-12)
        assert result.stop_moved[0]

    def test_is_mirrored_for_a_short(self) -> None:
        entry = 99.95
        result = replayed([QUIET, (110, 111, 109, 110)], side=SHORT)

        assert result.rr[0] == pytest.approx(leg(110.0, side=SHORT, entry=entry), rel=1e-12)


class TestTrim:
    def test_sells_a_third_at_one_and_a_half_r_once(self) -> None:
        # Bar 0 reaches 1.5 R = 106.05 and 107, so the stop trails at 101 and bar 1 sells the rest there.
        result = replayed([(100, 107, 99, 106), (106, 108, 101, 101)])

        assert result.trimmed[0]
        assert result.trim.bar[0] == 0
        assert result.rr[0] == pytest.approx(leg(106.05) / 3 + leg(101.0) * 2 / 3, rel=1e-12)

    def test_never_happens_after_the_stop(self) -> None:
        result = replayed([(100, 101, 96, 97), (97, 120, 97, 120)])

        assert not result.trimmed[0]


class TestTimeStop:
    def test_sells_at_the_close_of_the_72nd_bar(self) -> None:
        result = replayed([QUIET] * 71 + [(100, 102, 99, 102), (102, 110, 102, 110)])

        assert not result.stopped[0]
        assert result.exit_bar[0] == 71
        assert result.rr[0] == pytest.approx(leg(102.0), rel=1e-12)

    def test_comes_after_a_trim_in_the_same_bar(self) -> None:
        result = replayed([QUIET] * 71 + [(100, 107, 99, 102)])

        assert result.trimmed[0]
        assert result.rr[0] == pytest.approx(leg(106.05) / 3 + leg(102.0) * 2 / 3, rel=1e-12)


class TestEndOfData:
    def test_leaves_the_trade_open_even_one_bar_short(self) -> None:
        assert not replayed([QUIET] * 71).closed[0]
        assert replayed([QUIET] * 72).closed[0]


class TestPhases:
    def test_buy_the_rest_at_the_open_after_a_close_beyond_half_an_r(self) -> None:
        # Close 102.5 is beyond 102.05; the rest is bought at 103 and 5 bp. Both stop at the trailed 106 - 6 = 100.
        rows: list[Row] = [(100, 103, 99, 102.5), (103, 106, 102, 104), (104, 104, 99, 100)]
        bought = 103 * 1.0005

        result = replayed(rows, rule=Rule(phase1_frac_mult=1 / 3))

        assert result.rr[0] == pytest.approx(leg(100.0) / 3 + leg(100.0, entry=bought) * 2 / 3, rel=1e-12)

    def test_leave_a_smaller_trade_where_the_rest_is_never_bought(self) -> None:
        rows: list[Row] = [QUIET, (100, 100, 96, 97)]

        assert replayed(rows, rule=Rule(phase1_frac_mult=0.5)).rr[0] == pytest.approx(leg(96.05) / 2, rel=1e-12)


class TestAgainstTheNaiveLoop:
    """Every rule on both sides of random walks equals the bar-by-bar implementation to 1e-9 R."""

    rules = (AS_TRADED, *(rule for alternatives in RULES.values() for rule in alternatives.values()))

    @settings(max_examples=12, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), side=st.sampled_from([LONG, SHORT]), delay=st.sampled_from([0, 1, 6]))
    def test_agrees_on_every_signal(self, seed: int, side: int, delay: int) -> None:
        bars = random_bars(seed, 330, volatility=0.02)
        indicators = Indicators.of(bars)
        signal = np.arange(200, 329, 7)
        paths = Paths.of(bars, indicators, signal, np.full(len(signal), side), delay=delay)
        for rule in self.rules:
            self.assert_same(bars, indicators, signal, side, rule, delay, replay(paths, rule))

    def assert_same(
        self, bars: Bars, indicators: Indicators, signal: np.ndarray, side: int, rule: Rule, delay: int, found: Replay
    ) -> None:
        for row, t in enumerate(signal.tolist()):
            expected = naive_trade(bars, indicators, t, side, rule, delay)
            assert bool(found.closed[row]) == (expected is not None)
            if expected is not None:
                assert found.exit_bar[row] + t + 1 + delay == expected.exit_bar
                assert bool(found.trimmed[row]) == (expected.trim_bar is not None)
                assert found.rr[row] == pytest.approx(expected.rr, abs=1e-9)
                reason = "trail_stop" if found.stop_moved[row] else "initial_stop"
                assert expected.reason == (reason if found.stopped[row] else "time_stop")
