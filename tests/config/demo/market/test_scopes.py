from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pytest

from config.demo.backtest.positions import take
from config.demo.market.scopes import AGES, dm_scope, pm_scope
from telemetry.core.market_context.bars import DAY, HOUR, Bars, four_hours
from telemetry.core.market_context.context import context
from telemetry.core.market_context.dimensions import DM_DIMENSIONS, MODES, PM_DIMENSIONS, VOLUMES, label
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators
from telemetry.core.market_context.market import Market
from telemetry.core.market_context.pair_history import PairHistory
from tests.telemetry.core.market_context.builders import FIRST, random_bars


@pytest.fixture(scope="module")
def market() -> Market:
    pairs = [random_bars(seed, 60 * 24, symbol=f"P{seed}/USDT") for seed in range(3)]
    listed = random_bars(9, 60 * 24, symbol="NEW/USDT", skipped=20 * 24)
    return Market.of([*pairs, random_bars(8, 60 * 24, symbol="BTC/USDT"), listed])


class TestLabel:
    @pytest.mark.parametrize(
        ("value", "expected"), [(0.0, "patient"), (0.32, "patient"), (0.33, "normal"), (0.67, "aggressive")]
    )
    def test_cuts_modes_at_a_third_and_two(self, value: float, expected: str) -> None:
        assert label(value, MODES) == expected

    def test_belongs_to_the_bucket_whose_lower_edge_it_is(self) -> None:
        assert [label(edge, VOLUMES) for edge in (0, 10e3, 50e3, 100e3, 250e3, 500e3, 1e6)] == [n for n, _ in VOLUMES]
        assert [label(edge, AGES) for edge in (0, 1, 3, 7, 14, 30, 90)] == [name for name, _ in AGES]


class TestPmScope:
    def test_speaks_of_the_regime_the_pair_and_the_modes(self, market: Market) -> None:
        scope = pm_scope(market, "P0/USDT", "4h", FIRST + 40 * DAY, ts=0.2, ox=0.9)

        assert set(scope) == {
            *("macro_phase", "meso_phase", "micro_phase", "bucket_leader", "bucket_rank_position", "bucket"),
            *("market_family", "timeframe", "A_mode", "E_mode"),
        }
        assert (scope["timeframe"], scope["A_mode"], scope["E_mode"]) == ("4h", "patient", "aggressive")

    def test_knows_majors_from_lowcaps(self, market: Market) -> None:
        at = FIRST + 40 * DAY

        assert pm_scope(market, "BTC/USDT", "1h", at, ts=0.5, ox=0.5)["market_family"] == "majors"
        assert pm_scope(market, "P0/USDT", "1h", at, ts=0.5, ox=0.5)["market_family"] == "lowcaps"

    def test_leaves_out_what_is_not_known_yet(self, market: Market) -> None:
        scope = pm_scope(market, "P0/USDT", "1h", FIRST + 2 * DAY, ts=math.nan, ox=0.1)

        assert scope == {"market_family": "lowcaps", "timeframe": "1h", "E_mode": "patient"}


class TestDmScope:
    def test_knows_the_age_of_a_pair_listed_inside_the_data_only(self, market: Market) -> None:
        at = FIRST + 20 * DAY + 14 * DAY

        assert dm_scope(market, "NEW/USDT", at, family="ema", adding=False)["age_bucket"] == "14-30d"
        assert dm_scope(market, "NEW/USDT", at - HOUR, family="ema", adding=False)["age_bucket"] == "7-14d"
        assert "age_bucket" not in dm_scope(market, "P0/USDT", at, family="ema", adding=False)

    def test_states_an_intent_only_where_a_position_is_added_to(self, market: Market) -> None:
        at = FIRST + 40 * DAY

        assert dm_scope(market, "P0/USDT", at, family="rsi", adding=True)["intent"] == "adding_to_position"
        assert "intent" not in dm_scope(market, "P0/USDT", at, family="rsi", adding=False)
        assert dm_scope(market, "P0/USDT", at, family="rsi", adding=False)["curator"] == "rsi"


class TestContextFromBars:
    def test_equals_every_scope_of_the_demo_in_the_dimensions_that_bars_can_give(
        self, sample: list[Bars], trades: list[dict[str, Any]]
    ) -> None:
        market = Market.of(sample)
        pairs = {bars.symbol: PairHistory(bars.symbol, [bars]) for bars in sample}
        by_module = {"pm": PM_DIMENSIONS, "dm": DM_DIMENSIONS}
        compared = 0
        for trade in trades:
            symbol, timeframe, side = trade["symbol"], trade["timeframe"], trade["side"]
            for action in trade["actions"]:
                at, dimensions = int(datetime.fromisoformat(action["at"]).timestamp()), by_module[action["module"]]
                found = context(market, pairs[symbol], symbol, timeframe, at, side, dimensions=dimensions).scope
                assert found == {
                    **{name: value for name, value in action["scope"].items() if name in dimensions},
                    "universe": market.universe.label,
                }
                compared += 1
        assert compared > 25_000


class TestLookAhead:
    """A scope does not change if everything after its action is removed, of this pair and of all others."""

    @pytest.mark.parametrize("actions", [3, 4])
    @pytest.mark.parametrize("timeframe", ["1h", "4h"])
    @pytest.mark.parametrize("part", [0.05, 0.25, 0.5, 0.75, 0.95])
    def test_cutting_the_future_off_leaves_every_scope_as_it_was(
        self, actions: int, timeframe: str, part: float, sample: list[Bars], trades: list[dict[str, Any]]
    ) -> None:
        alike = [one for one in trades if one["timeframe"] == timeframe and len(one["actions"]) == actions]
        trade = alike[int(part * len(alike))]
        for at in {action["at"] for action in trade["actions"]}:
            known = Known(sample, trade, int(datetime.fromisoformat(at).timestamp()))
            for action in trade["actions"]:
                if action["at"] == at:
                    assert action["scope"] == (known.dm() if action["module"] == "dm" else known.pm())


class Known:
    """What can be known at a time, built only from bars that had closed by then."""

    def __init__(self, sample: list[Bars], trade: dict[str, Any], at: int) -> None:
        cut = [bars for one in sample if len(bars := one.between(0, at)) > 0]
        own = next(bars for bars in cut if bars.symbol == trade["symbol"])
        self.market, self.trade, self.at = Market.of(cut), trade, at
        self.bars = own if trade["timeframe"] == "1h" else four_hours(own)
        self.indicators = Indicators.of(self.bars)
        self.side = LONG if trade["side"] == "long" else SHORT

    def pm(self) -> dict[str, str]:
        ts, ox = float(self.indicators.ts[self.side][-1]), float(self.indicators.ox[self.side][-1])
        return pm_scope(self.market, self.bars.symbol, self.bars.timeframe, self.at, ts=ts, ox=ox)

    def dm(self) -> dict[str, str]:
        positions = take(self.bars, self.indicators)
        entry = positions.signal[:1] * 0 + len(self.bars)
        adding = bool(positions.holding(entry * 0 + self.side, entry).any())
        family = self.trade["actions"][1]["pattern_key"].partition(".")[0]
        return dm_scope(self.market, self.bars.symbol, self.at, family=family, adding=adding)
