from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.core.market_context.bars import DAY, HOUR, SECONDS, Bars, lengthened
from telemetry.core.market_context.context import BY_MODULE, Context, context
from telemetry.core.market_context.dimensions import DIMENSIONS, OF_UNIVERSE, OPT_IN_DIMENSIONS
from telemetry.core.market_context.market import Market
from telemetry.core.market_context.pair_history import PairHistory
from telemetry.core.market_context.universe import Universe
from tests.telemetry.core.market_context.builders import FIRST, random_bars

DAYS = 40
EVERYTHING = tuple(DIMENSIONS)
COLUMNS = ("open", "high", "low", "close", "volume")


def walk(seed: int, timeframe: str, days: float, symbol: str) -> Bars:
    """Return a random walk in any timeframe, as `random_bars` does for hours."""
    bars = random_bars(seed, int(days * DAY / SECONDS[timeframe]), symbol=symbol)
    return replace(bars, timeframe=timeframe, time=FIRST + SECONDS[timeframe] * np.arange(len(bars)))


def universe_of(timeframe: str, days: float = DAYS) -> list[Bars]:
    return [walk(seed, timeframe, days, f"P{seed}/USDT") for seed in range(5)]


def market_of(bars: list[Bars]) -> Market:
    return Market.of(hours for one in bars if (hours := lengthened(one, "1h")) is not None)


def context_of(bars: list[Bars], at: int, *, timeframe: str, side: str = "long", symbol: str = "P0/USDT") -> Context:
    own = PairHistory(symbol, [one for one in bars if one.symbol == symbol])
    return context(market_of(bars), own, symbol, timeframe, at, side, dimensions=EVERYTHING)


class TestContext:
    @pytest.mark.parametrize("timeframe", ["5m", "15m", "30m", "1h"])
    def test_gives_every_dimension_once_the_history_is_long_enough(self, timeframe: str) -> None:
        found = context_of(universe_of(timeframe), FIRST + 35 * DAY + 1234, timeframe=timeframe)

        assert set(found.scope) == {*EVERYTHING, "universe"}
        assert found.missing == {}

    @pytest.mark.parametrize("timeframe", ["1m", "4h", "1d"])
    def test_reads_short_and_long_timeframes_too(self, timeframe: str) -> None:
        days = 10 if timeframe == "1m" else 80
        bars = universe_of("1m" if timeframe == "1m" else "1h", days)

        found = context_of(bars, FIRST + (days - 1) * DAY + 77, timeframe=timeframe)

        assert {"A_mode", "E_mode", "micro_phase", "bucket"} <= set(found.scope)
        assert found.scope["timeframe"] == timeframe

    def test_names_the_reason_for_each_dimension_that_is_missing(self) -> None:
        found = context_of(universe_of("1h"), FIRST + 3 * DAY, timeframe="1h")

        assert set(found.scope) == {
            *("market_family", "timeframe", "A_mode", "E_mode", "hour", "weekday", "vol_bucket", "trend")
        }
        assert found.missing["macro_phase"] == "needs 720 hours of the market"
        assert found.missing["bucket"].startswith("needs seven full days of the pair")
        assert found.missing["volatility"] == "needs 133 hourly bars of the pair"
        assert set(found.missing) | set(found.scope) == set(EVERYTHING)

    def test_gives_each_dimension_from_its_stated_warm_up_on_and_not_before(self) -> None:
        bars = universe_of("1h")
        first_hour = {"macro_phase": 720, "meso_phase": 168, "micro_phase": 168, "bucket_leader": 168, "bucket": 168}
        first_hour |= {"bucket_rank_position": 168, "A_mode": 50, "E_mode": 20, "vol_bucket": 20}
        first_hour |= {"volatility": 133, "trend": 50, "market_family": 0, "timeframe": 0, "hour": 0, "weekday": 0}

        for name, hour in first_hour.items():
            assert name in context_of(bars, FIRST + hour * HOUR, timeframe="1h").scope, name
            if hour:
                assert name not in context_of(bars, FIRST + hour * HOUR - 1, timeframe="1h").scope, name
        assert set(first_hour) == set(EVERYTHING)

    def test_tells_hour_and_weekday_in_utc(self) -> None:
        scope = context_of(universe_of("1h", 2), FIRST + DAY + 9 * HOUR + 59 * 60, timeframe="1h").scope

        assert (scope["hour"], scope["weekday"]) == ("9", "Tuesday")  # 2024-01-02

    def test_carries_the_universe_only_with_dimensions_that_depend_on_it(self) -> None:
        bars = universe_of("1h")

        assert "universe" not in context_of(bars, FIRST + DAY, timeframe="1h").scope
        assert context_of(bars, FIRST + 8 * DAY, timeframe="1h").scope["universe"] == market_of(bars).universe.label

    def test_gives_each_module_its_own_dimensions_and_the_optional_ones(self) -> None:
        assert set(BY_MODULE["pm"]) & set(BY_MODULE["dm"]) == {*OF_UNIVERSE, *OPT_IN_DIMENSIONS}
        assert set(BY_MODULE["pm"]) | set(BY_MODULE["dm"]) == set(EVERYTHING)

    def test_knows_the_market_but_no_bucket_of_a_pair_outside_the_universe(self) -> None:
        bars = universe_of("1h")
        outside = walk(9, "1h", DAYS, "OUT/USDT")

        found = context(
            market_of(bars), PairHistory("OUT/USDT", [outside]), "OUT/USDT", "1h", FIRST + 35 * DAY, "short"
        )

        assert {"macro_phase", "bucket_leader", "A_mode", "trend"} <= set(found.scope)
        assert found.missing["bucket"] == "the pair does not belong to the universe"

    def test_gives_the_clock_alone_without_any_bars(self) -> None:
        found = context(None, None, "BTC/USDT", None, FIRST, "long")

        assert found.scope == {"market_family": "majors", "hour": "0", "weekday": "Monday"}
        assert found.missing["macro_phase"] == "there are no bars of one hour or shorter of the universe"
        assert found.missing["A_mode"] == "the trade states no timeframe"
        assert found.missing["trend"] == "there are no bars of the pair"

    def test_gives_no_value_that_is_a_day_old(self) -> None:
        bars = universe_of("1h", 10)

        late = context_of(bars, FIRST + 10 * DAY + 30 * HOUR, timeframe="1h")

        assert late.missing["micro_phase"] == "the universe has no bar in the 24 hours before the action"
        assert late.missing["trend"] == "the pair has no bar in the day before the action"
        assert "micro_phase" in context_of(bars, FIRST + 10 * DAY + 23 * HOUR, timeframe="1h").scope

    def test_names_the_warm_up_before_the_first_bar_of_the_universe(self) -> None:
        early = context_of(universe_of("1h", 10), FIRST - 2 * HOUR, timeframe="1h")

        assert early.missing["micro_phase"] == "needs 168 hours of the market"

    def test_has_no_trend_where_the_price_did_not_move(self) -> None:
        flat = random_bars(0, 40 * 24, symbol="P0/USDT")
        same = np.full(len(flat), 5.0)
        flat = replace(flat, open=same, high=same, low=same, close=same)

        found = context_of([flat, *universe_of("1h")[1:]], FIRST + 35 * DAY, timeframe="1h")

        assert found.missing["trend"] == found.missing["A_mode"] == "the price of the pair did not move"
        assert found.scope["volatility"] == "normal"

    def test_begins_anew_where_a_price_changes_its_unit(self) -> None:
        bars = universe_of("1h")
        changed = 20 * 24
        factor = np.where(np.arange(len(bars[0])) < changed, 1.0, 1000.0)
        columns: dict[str, Any] = {name: getattr(bars[0], name) * factor for name in COLUMNS[:4]}
        split = [replace(bars[0], volume=bars[0].volume / factor, **columns), *bars[1:]]

        early, late = (context_of(split, FIRST + (changed + hours) * HOUR, timeframe="1h") for hours in (30, 200))

        assert early.missing["trend"] == "needs 50 hourly bars of the pair"
        whole = context_of(bars, FIRST + (changed + 200) * HOUR, timeframe="1h").scope
        assert {name: late.scope[name] for name in whole} == whole

    def test_says_that_daily_bars_cannot_give_what_is_counted_in_hours(self) -> None:
        daily = [walk(seed, "1d", 80, f"P{seed}/USDT") for seed in range(4)]
        found = context(None, PairHistory("P0/USDT", daily[:1]), "P0/USDT", "1d", FIRST + 70 * DAY, "long")

        assert {"A_mode", "E_mode"} <= set(found.scope)
        assert found.missing["trend"] == "the bars of the pair are longer than 1h or do not divide it"

    def test_mirrors_the_modes_of_a_short_position(self) -> None:
        bars = universe_of("1h")
        pair = PairHistory("P0/USDT", bars[:1])
        at = FIRST + 20 * DAY

        assert pair.ts_and_ox("1h", 1, at)[0] == pytest.approx(1 - pair.ts_and_ox("1h", -1, at)[0], abs=1e-12)

    def test_refuses_an_unknown_side(self) -> None:
        with pytest.raises(KeyError):
            context(None, None, "BTC/USDT", "1h", FIRST, "both")


class TestMarketOfAUniverse:
    def test_refuses_bars_of_other_pairs(self) -> None:
        bars = universe_of("1h", 10)

        with pytest.raises(ValueError, match="no bars of P4/USDT"):
            Market.of(bars[:4], Universe.of("five", [one.symbol for one in bars]))
        with pytest.raises(ValueError, match="also bars of P4/USDT"):
            Market.of(bars, Universe.of("four", [one.symbol for one in bars[:4]]))

    def test_is_the_same_in_any_order_of_the_pairs(self) -> None:
        bars = universe_of("1h", 20)

        one, other = Market.of(bars), Market.of(reversed(bars))

        assert one.phases == other.phases
        assert list(one.days) == list(other.days)
        assert one.universe == other.universe


BASES = {timeframe: universe_of(timeframe, 12) for timeframe in ("5m", "1h")}


def spoiled(bars: Bars, at: int, seed: int) -> Bars:
    """Return the bars with other values in each that had not closed by `at`, some of them left out."""
    random = np.random.default_rng(seed)
    later = bars.end > at
    other: dict[str, Any] = {
        name: np.where(later, random.uniform(1, 1000, len(bars)), getattr(bars, name)) for name in COLUMNS
    }
    return replace(bars, **other).where(~later | (random.random(len(bars)) < 0.7))


class TestLookAhead:
    """Whatever happens to bars that closed after an action, in its own pair or in others, its context stays."""

    @settings(max_examples=40, deadline=None)
    @given(
        timeframe=st.sampled_from(["5m", "1h"]),
        traded=st.sampled_from(["5m", "1h", "4h"]),
        seconds=st.integers(DAY, 12 * DAY),
        seed=st.integers(0, 2**32 - 1),
        spoil=st.sets(st.integers(0, 4), min_size=1),
        gone=st.booleans(),
    )
    def test_does_not_exist(
        self, timeframe: str, traded: str, seconds: int, seed: int, spoil: set[int], gone: bool
    ) -> None:
        at, bars = FIRST + seconds, BASES[timeframe]
        changed = [
            (one.between(0, at) if gone else spoiled(one, at, seed)) if place in spoil else one
            for place, one in enumerate(bars)
        ]

        for side in ("long", "short"):
            before = context_of(bars, at, timeframe=traded, side=side)
            assert context_of(changed, at, timeframe=traded, side=side) == before

    @settings(max_examples=20, deadline=None)
    @given(seconds=st.integers(2 * DAY, 12 * DAY), gap=st.integers(1, 10))
    def test_stays_away_where_the_bars_before_the_action_have_a_gap(self, seconds: int, gap: int) -> None:
        at = FIRST + seconds
        bars = [one.where((one.end <= at - gap * 300) | (one.end > at)) for one in BASES["5m"]]

        assert context_of([one.between(0, at) for one in bars], at, timeframe="5m") == context_of(
            bars, at, timeframe="5m"
        )
