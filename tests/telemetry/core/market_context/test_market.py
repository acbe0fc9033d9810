from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from telemetry.core.market_context.bars import DAY, HOUR, Bars
from telemetry.core.market_context.market import HORIZONS, Market, index_phases
from tests.telemetry.core.market_context.builders import FIRST, random_bars

CUTS = ((1.20, "Euphoria"), (0.40, "Good"), (-0.20, "Recover"), (-0.90, "Dip"), (-1.30, "Double-Dip"))


def naive_phase(returns: np.ndarray, hour: int, horizon: int) -> str:
    if hour < max(horizon, 168):
        return ""
    index = [float(np.mean([r for r in row if not math.isnan(r)])) for row in returns[:hour]]
    last = index[-720:]
    z = sum(index[-horizon:]) / (math.sqrt(sum(r * r for r in last) / len(last)) * math.sqrt(horizon))
    return next((name for cut, name in CUTS if z >= cut), "Oh-Shit")


def pair(symbol: str, hours: int, *, volume: float, drift: float = 0.0, skipped: int = 0) -> Bars:
    """Return a pair whose close moves by `drift` an hour and that trades `volume` quote units an hour."""
    bars = random_bars(1, hours, symbol=symbol)
    closes = 100 * np.exp(drift * np.arange(hours))
    return replace(bars, close=closes, volume=volume / closes).where(np.arange(hours) >= skipped)


class TestIndexPhases:
    def test_agree_with_the_definition_on_any_returns(self) -> None:
        random = np.random.default_rng(4)
        returns = 0.01 * random.standard_normal((900, 3))
        returns[:400, 2] = np.nan

        found = index_phases(returns)

        for name, horizon in HORIZONS.items():
            assert len(found[name]) == 901
            for hour in (0, 24, 167, 168, 169, 500, 719, 720, 721, 800, 900):
                assert found[name][hour] == naive_phase(returns, hour, horizon), (name, hour)

    def test_are_recover_where_nothing_moves(self) -> None:
        assert index_phases(np.zeros((200, 2)))["micro_phase"][168] == "Recover"


class TestVolume:
    def test_sums_the_24_hours_before(self) -> None:
        market = Market.of([pair("AAA/USDT", 100, volume=500.0)])

        assert np.isnan(market.volume["AAA/USDT"][23])
        assert market.volume["AAA/USDT"][24] == pytest.approx(12_000, rel=1e-9)
        assert market.hour(FIRST + 24 * HOUR) == 24

    def test_needs_20_of_them(self) -> None:
        bars = pair("AAA/USDT", 100, volume=500.0)
        gap = np.isin(np.arange(100), [60, 61, 62, 63])
        short = Market.of([bars.where(~gap)]).volume["AAA/USDT"]
        shorter = Market.of([bars.where(~gap & (np.arange(100) != 64))]).volume["AAA/USDT"]

        assert short[70] == pytest.approx(10_000, rel=1e-9)
        assert np.isnan(shorter[70])


class TestDays:
    pairs = tuple(
        pair(f"P{place}/USDT", 20 * 24, volume=10.0**place, drift=drift, skipped=skipped)
        for place, (drift, skipped) in enumerate([(0.002, 0), (0.002, 0), (-0.001, 0), (0, 0), (0.001, 0), (0, 240)])
    )

    def test_do_not_know_the_market_in_the_first_week(self) -> None:
        market = Market.of(self.pairs)

        assert [market.day(FIRST + day * DAY) is None for day in (0, 6, 7)] == [True, True, False]

    def test_put_a_third_of_the_known_pairs_in_each_bucket_by_traded_volume(self) -> None:
        day = Market.of(self.pairs).day(FIRST + 18 * DAY)

        assert day is not None
        assert list(day.bucket.values()) == ["micro", "micro", "mid", "mid", "big", "big"]

    def test_leave_out_a_pair_without_a_week_of_its_own(self) -> None:
        day = Market.of(self.pairs).day(FIRST + 16 * DAY)

        assert day is not None
        assert "P5/USDT" not in day.bucket
        assert list(day.bucket.values()) == ["micro", "micro", "mid", "mid", "big"]

    def test_rank_buckets_by_the_mean_return_of_a_week(self) -> None:
        day = Market.of(self.pairs).day(FIRST + 18 * DAY)

        assert day is not None
        assert day.ranking == ("micro", "big", "mid")

    def test_hold_from_midnight_to_midnight(self) -> None:
        market = Market.of(self.pairs)

        assert market.day(FIRST + 9 * DAY) is market.day(FIRST + 10 * DAY - 1)
        assert market.day(FIRST + 9 * DAY) is not market.day(FIRST + 10 * DAY)
