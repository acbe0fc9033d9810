from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators, dip, ema, rsi, true_range, wilder
from tests.telemetry.core.market_context.builders import bars_of, random_bars


def naive_atr(bars: Bars, t: int) -> float:
    ranges = []
    for k in range(t + 1):
        candidates = [bars.high[k] - bars.low[k]]
        if k > 0:
            candidates += [abs(bars.high[k] - bars.close[k - 1]), abs(bars.low[k] - bars.close[k - 1])]
        ranges.append(max(candidates))
    mean = sum(ranges[:14]) / 14
    for value in ranges[14:]:
        mean = (mean * 13 + value) / 14
    return float(mean)


def naive_rsi(bars: Bars, t: int) -> float:
    changes = [bars.close[k] - bars.close[k - 1] for k in range(1, t + 1)]
    up, down = sum(max(c, 0) for c in changes[:14]) / 14, sum(max(-c, 0) for c in changes[:14]) / 14
    for change in changes[14:]:
        up, down = (up * 13 + max(change, 0)) / 14, (down * 13 + max(-change, 0)) / 14
    return 100.0 if down == 0 else float(100 - 100 / (1 + up / down))


def naive_ema(bars: Bars, t: int, length: int) -> float:
    mean = bars.close[0]
    for value in bars.close[1 : t + 1]:
        mean = 2 / (length + 1) * value + (1 - 2 / (length + 1)) * mean
    return float(mean)


class TestByHand:
    def test_true_range_counts_the_gap_from_the_previous_close(self) -> None:
        bars = bars_of([(10, 11, 9, 10), (13, 14, 13, 14), (8, 9, 8, 9)])

        assert true_range(bars).tolist() == [2, 4, 6]

    def test_atr_starts_as_the_plain_mean_of_14_ranges(self) -> None:
        bars = bars_of([(10, 11, 9, 10)] * 13 + [(10, 18, 9, 10), (10, 17, 10, 10)])

        atr = Indicators.of(bars).atr

        assert np.isnan(atr[:13]).all()
        assert atr[13] == pytest.approx((13 * 2 + 9) / 14, rel=1e-12)
        assert atr[14] == pytest.approx((35 / 14 * 13 + 7) / 14, rel=1e-12)

    def test_ema_starts_with_the_first_close(self) -> None:
        assert ema(np.array([100.0, 121.0]), 20).tolist() == [100.0, 102.0]

    def test_rsi_starts_after_14_changes_and_is_100_without_a_fall(self) -> None:
        rising = np.arange(1.0, 17.0)
        turned = np.append(rising[:15], 1.0)

        assert np.isnan(rsi(rising, 14)[:14]).all()
        assert rsi(rising, 14)[14:].tolist() == [100.0, 100.0]
        # up = 13/14 after the fall, down = 14/14: RS = 13/14.
        assert rsi(turned, 14)[15] == pytest.approx(100 - 100 / (1 + 13 / 14), rel=1e-12)

    def test_donchian_looks_at_the_20_bars_before_this_one(self) -> None:
        bars = bars_of([(5, 6 + k, 5 - k, 5) for k in range(22)])

        indicators = Indicators.of(bars)

        assert np.isnan(indicators.donchian_high[:20]).all()
        assert indicators.donchian_high[20:].tolist() == [25, 26]
        assert indicators.donchian_low[20:].tolist() == [-14, -15]

    def test_dip_is_the_way_back_in_three_atr(self) -> None:
        one = np.ones(1)

        assert dip(LONG, 110 * one, 104 * one, 4 * one).tolist() == [0.5]
        assert dip(SHORT, 100 * one, 130 * one, 4 * one).tolist() == [1.0]


class TestAgainstTheNaiveLoop:
    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), t=st.integers(30, 239))
    def test_agrees_on_any_walk(self, seed: int, t: int) -> None:
        bars = random_bars(seed, 240)

        found = Indicators.of(bars)

        atr, fast, slow = naive_atr(bars, t), naive_ema(bars, t, 20), naive_ema(bars, t, 50)
        mean_volume = sum(bars.volume[t - 19 : t + 1]) / 20
        assert found.atr[t] == pytest.approx(atr, rel=1e-12)
        assert found.rsi[t] == pytest.approx(naive_rsi(bars, t), rel=1e-9)
        assert found.ema20[t] == pytest.approx(fast, rel=1e-12)
        assert found.donchian_high[t] == max(bars.high[t - 20 : t])
        assert found.donchian_low[t] == min(bars.low[t - 20 : t])
        for side in (LONG, SHORT):
            ox = min(max(side * (bars.close[t] - fast) / (3 * atr), 0), 1)
            surge = min(max(bars.volume[t] / mean_volume - 1, 0), 1)
            assert found.ts[side][t] == pytest.approx(0.5 + 0.5 * math.tanh(side * (fast - slow) / (2 * atr)), abs=1e-9)
            assert found.ox[side][t] == pytest.approx(ox, abs=1e-9)
            assert found.edx[side][t] == pytest.approx(ox * surge, abs=1e-9)


class TestShortHistory:
    def test_has_nothing_to_say(self) -> None:
        found = Indicators.of(random_bars(1, 10))

        assert np.isnan(found.atr).all()
        assert np.isnan(found.rsi).all()
        assert np.isnan(found.donchian_high).all()

    def test_a_market_that_does_not_move_has_no_strength(self) -> None:
        found = Indicators.of(bars_of([(5, 5, 5, 5)] * 30))

        assert np.isnan(found.ts[LONG][20:]).all()
        assert np.isnan(found.ox[SHORT][20:]).all()
        assert wilder(np.zeros(3), 4).tolist() == pytest.approx([math.nan] * 3, nan_ok=True)
