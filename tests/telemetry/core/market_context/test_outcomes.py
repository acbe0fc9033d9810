from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.core.market_context.bars import HOUR, Bars
from telemetry.core.market_context.outcomes import (
    DELAYS,
    HELD_BARS,
    Deal,
    Order,
    after_exit,
    after_trim,
    bar_of,
    entry_delays,
    leg_of,
)
from tests.telemetry.core.market_context.builders import FIRST, bars_of, random_bars

LONG_TRADE = Deal(
    side=1,
    open_rate=100.0,
    risk=0.02,
    fee_open=0.001,
    fee_close=0.001,
    entries=[Order(FIRST, 100.0, 1.0)],
    exits=[Order(FIRST + 20 * HOUR, 103.0, 1.0)],
)


def rising(count: int = 60) -> Bars:
    """Return bars that open at 100, 101, 102, ... and close where the next one opens."""
    return bars_of([(100.0 + k, 101.5 + k, 99.5 + k, 101.0 + k) for k in range(count)])


def profit_ratio(deal: Deal) -> float:
    """Return freqtrade's result of a trade without leverage: net value of the exits over that of the entries."""
    entered = sum(each.price * each.fraction for each in deal.entries) * (1 + deal.side * deal.fee_open)
    left = sum(each.price * each.fraction for each in deal.exits) * (1 - deal.side * deal.fee_close)
    return deal.side * (left / entered - 1)


class TestLegs:
    @settings(max_examples=50, deadline=None)
    @given(
        side=st.sampled_from([1, -1]),
        fees=st.tuples(st.floats(0, 0.01), st.floats(0, 0.01)),
        prices=st.lists(st.floats(50, 200), min_size=2, max_size=5),
        sold=st.floats(50, 200),
    )
    def test_add_up_to_the_trades_rr_weighed_by_their_fractions(
        self, side: int, fees: tuple[float, float], prices: list[float], sold: float
    ) -> None:
        share = 1 / len(prices)
        entries = [Order(FIRST + k * HOUR, price, share) for k, price in enumerate(prices)]
        deal = Deal(side, float(np.mean(prices)), 0.02, *fees, entries, [Order(FIRST + 50 * HOUR, sold, 1.0)])

        total = sum(leg_of(deal, entry) * share for entry in entries)

        assert total == pytest.approx(profit_ratio(deal) / 0.02, abs=1e-9)

    def test_are_sold_at_the_mean_of_the_exits_that_followed_them(self) -> None:
        exits = [
            Order(FIRST + HOUR, 110.0, 0.25),
            Order(FIRST + 9 * HOUR, 120.0, 0.5),
            Order(FIRST + 10 * HOUR, 130.0, 0.25),
        ]
        deal = replace(LONG_TRADE, fee_open=0.0, fee_close=0.0, exits=exits)

        assert deal.sold_from(FIRST) == pytest.approx(120.0)
        assert leg_of(deal, Order(FIRST + 2 * HOUR, 110.0, 0.3)) == pytest.approx((370 / 3 - 110) / 2)


class TestAfterASale:
    def test_a_trim_is_judged_by_the_last_exit(self) -> None:
        deal = replace(LONG_TRADE, fee_open=0.0, fee_close=0.0)

        assert after_trim(deal, Order(FIRST + HOUR, 104.0, 0.5)).rr == pytest.approx(-0.5)
        assert after_trim(replace(deal, side=-1), Order(FIRST + HOUR, 104.0, 0.5)).rr == pytest.approx(0.5)
        assert after_trim(deal, Order(FIRST + HOUR, 104.0, 0.5)).known_at == deal.exits[-1].at

    def test_an_exit_is_judged_by_the_close_of_the_24th_bar_after_its_own(self) -> None:
        deal = replace(LONG_TRADE, fee_open=0.0, fee_close=0.0, exits=[Order(FIRST + 5 * HOUR + 60, 105.0, 1.0)])

        followed = after_exit(deal, rising())

        assert followed is not None
        assert followed.rr == pytest.approx((101 + 5 + HELD_BARS - 105) / 2)
        assert followed.known_at == FIRST + (5 + HELD_BARS + 1) * HOUR

    def test_is_after_fees(self) -> None:
        held = after_exit(LONG_TRADE, rising())

        assert held is not None
        assert held.rr == pytest.approx((145 - 103) * 0.999 / (100 * 1.001 * 0.02))

    def test_is_not_known_where_the_bars_end_or_miss_the_exit(self) -> None:
        late = replace(LONG_TRADE, exits=[Order(FIRST + 36 * HOUR, 103.0, 1.0)])
        gap = rising().where(np.arange(60) != 20)

        assert after_exit(late, rising()) is None
        assert after_exit(LONG_TRADE, gap) is None
        assert after_exit(LONG_TRADE, rising(44)) is None
        assert after_exit(LONG_TRADE, rising(45)) is not None


class TestEntryDelays:
    def test_hold_the_arm_that_was_taken_with_the_trades_own_rr(self) -> None:
        found = entry_delays(LONG_TRADE, rising(), 1.234)

        assert found is not None
        assert list(found.arms) == [str(delay) for delay in DELAYS]
        assert found.arms["0"] == 1.234
        assert found.known_at == FIRST + 6 * HOUR

    def test_enter_at_the_open_of_a_later_bar_and_leave_as_the_trade_did(self) -> None:
        deal = replace(LONG_TRADE, fee_open=0.0, fee_close=0.0)

        found = entry_delays(deal, rising(), 1.5)

        assert found is not None
        assert found.arms == pytest.approx({"0": 1.5, "1": 1.0, "2": 0.5, "3": 0.0, "6": -1.5})

    def test_earn_by_arm_what_the_same_trade_from_that_price_earns(self) -> None:
        deal, bars = replace(LONG_TRADE, side=-1), rising()
        rr = deal.leg(100.0, 103.0)

        found = entry_delays(deal, bars, rr)

        assert found is not None
        assert found.arms["3"] == pytest.approx(deal.leg(103.0, 103.0))

    def test_earn_nothing_where_the_trade_was_over_before_the_entry(self) -> None:
        deal = replace(LONG_TRADE, exits=[Order(FIRST + 2 * HOUR, 103.0, 1.0)])

        found = entry_delays(deal, rising(), 1.4)

        assert found is not None
        assert (found.arms["2"], found.arms["3"], found.arms["6"]) == (0.0, 0.0, 0.0)
        assert found.arms["1"] != 0.0

    def test_move_the_first_entry_alone_where_others_followed(self) -> None:
        entries = [Order(FIRST, 100.0, 0.25), Order(FIRST + 10 * HOUR, 108.0, 0.75)]
        deal = replace(LONG_TRADE, open_rate=106.0, entries=entries, fee_open=0.0, fee_close=0.0)

        found = entry_delays(deal, rising(), -1.0)

        assert found is not None
        assert found.arms["1"] == pytest.approx(-1.0 - 0.25 * 1.0 / (106.0 * 0.02))

    @pytest.mark.parametrize(
        "deal",
        [
            replace(LONG_TRADE, entries=[Order(FIRST, 100.0, 0.5), Order(FIRST + 2 * HOUR, 103.0, 0.5)]),
            replace(LONG_TRADE, exits=[Order(FIRST + HOUR, 103.0, 0.5), *LONG_TRADE.exits]),
            replace(LONG_TRADE, entries=[Order(FIRST, 90.0, 1.0)]),
            replace(LONG_TRADE, entries=[Order(FIRST + 55 * HOUR, 155.0, 1.0)]),
            replace(LONG_TRADE, entries=[Order(FIRST - HOUR, 100.0, 1.0)]),
        ],
        ids=["an add before the last arm", "a trim before it", "a mean of fills", "the end of the bars", "no bar"],
    )
    def test_are_left_out_as_a_whole_where_an_arm_is_not_known(self, deal: Deal) -> None:
        assert entry_delays(deal, rising(), 1.0) is None

    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), entry=st.integers(0, 100), held=st.integers(7, 40))
    def test_do_not_depend_on_bars_after_the_last_arm_and_the_exit(self, seed: int, entry: int, held: int) -> None:
        bars = random_bars(seed, 200)
        bought, sold = float(bars.open[entry]), float(bars.open[entry + held])
        orders = [Order(int(bars.time[entry]), bought, 1.0)], [Order(int(bars.time[entry + held]), sold, 1.0)]
        deal = Deal(1, bought, 0.02, 0.001, 0.001, *orders)

        assert entry_delays(deal, bars, 1.0) == entry_delays(deal, bars.where(np.arange(200) <= entry + held), 1.0)


class TestBarOf:
    def test_is_the_bar_that_was_open_then(self) -> None:
        bars = rising().where(np.arange(60) != 3)

        found = [bar_of(bars, FIRST + seconds) for seconds in (-1, 0, HOUR - 1, HOUR, 3 * HOUR, 4 * HOUR, 60 * HOUR)]

        assert found == [None, 0, 0, 1, None, 3, None]
