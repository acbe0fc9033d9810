"""What was filled counts, not what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.core.trades import Trade
from tests.telemetry.core.file_formats.builders import order
from tests.telemetry.core.file_formats.test_freqtrade_trade import parsed

ENTRIES = [order(True, 0, 236.3, filled=41.0, status="canceled"), order(True, 1, 41.0, filled=41.0)]
EXITS = [order(False, 2, 82.0, filled=20.5, status="canceled"), order(False, 4, 61.5, filled=61.5)]


def fractions(trade: Trade) -> list[tuple[str, float | None]]:
    return [(action.action_category.value, action.fraction) for action in trade.actions]


def of(*orders: dict[str, Any], **over: Any) -> list[tuple[str, float | None]]:
    return fractions(parsed(orders=list(orders), **over))


class TestFilledOrders:
    def test_count_by_what_was_filled(self) -> None:
        assert of(*ENTRIES, *EXITS) == [("entry", 0.5), ("add", 0.5), ("trim", 0.25), ("exit", None)]

    def test_of_an_exit_tried_three_times_sell_the_position_once(self) -> None:
        tries = [
            order(False, hour, asked, filled=filled) for hour, asked, filled in ((2, 100, 1), (3, 99, 2), (4, 97, 97))
        ]

        found = of(order(True, 0, 100.0, filled=100.0), *tries)

        assert found == [("entry", None), ("trim", 0.01), ("trim", 0.02), ("exit", None)]

    def test_sell_no_more_than_was_bought(self) -> None:
        found = of(order(True, 0, 1.0), order(False, 1, 0.8), order(False, 2, 0.8), order(False, 3, 0.8))

        trims = [fraction for category, fraction in found if category == "trim"]
        assert trims == [0.8, pytest.approx(0.2)]

    def test_that_filled_nothing_are_no_actions(self) -> None:
        unfilled = order(True, 1, 1.0, filled=0.0)

        found = of(order(True, 0, 1.0, filled=1.0), unfilled, order(False, 4, 1.0, filled=1.0))

        assert found == [("entry", None), ("exit", None)]

    def test_of_a_backtest_have_amounts_only(self) -> None:
        assert of(order(True, 0, 10.0), order(False, 4, 10.0)) == [("entry", None), ("exit", None)]

    def test_are_told_apart_by_side_where_they_do_not_say_that_they_entered(self) -> None:
        bought = order(True, 0, 1.0, ft_is_entry=None, ft_order_side="sell")
        sold = order(False, 4, 1.0, ft_is_entry=None, ft_order_side="buy")

        assert of(bought, order(True, 1, 1.0), sold, is_short=True)[1] == ("add", 0.5)

    @pytest.mark.parametrize("value", [1, 1.0, "true", "1"])
    def test_enter_in_any_spelling(self, value: object) -> None:
        assert of(order(True, 0, 1.0), order(True, 1, 1.0, ft_is_entry=value))[1] == ("add", 0.5)


class TestTags:
    def test_of_orders_are_the_motifs_of_adds(self) -> None:
        tagged = order(True, 1, 1.0, ft_order_tag="second leg")

        entry, add, exit_ = parsed(orders=[order(True, 0, 1.0), tagged, order(False, 24, 2.0)], enter_tag="dip").actions

        assert add.pattern_key.startswith("Macd.long.second_leg--")
        assert add.controls == {"enter_tag": "second leg"}
        assert entry.pattern_key == exit_.pattern_key == "Macd.long.dip"

    def test_of_sales_are_kept_beside_the_trades_own_key(self) -> None:
        sold = [order(False, 2, 1.0, ft_order_tag="half off"), order(False, 24, 1.0, ft_order_tag="roi")]

        _, trim, exit_ = parsed(orders=[order(True, 0, 2.0), *sold]).actions

        assert trim.pattern_key == exit_.pattern_key == "Macd.long.entry"
        assert trim.controls == {"exit_tag": "half off"}
        assert exit_.controls == {"exit_reason": "roi"}

    def test_that_had_to_be_coded_stay_readable_as_they_are(self) -> None:
        entry = parsed(enter_tag="bull/up", strategy="My Strategy").actions[0]

        assert entry.pattern_key.startswith("My_Strategy--")
        assert entry.controls == {"enter_tag": "bull/up", "strategy": "My Strategy"}
