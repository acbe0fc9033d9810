from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.freqtrade_facts import Run
from telemetry.core.file_formats.freqtrade_trade import NAMES, trade_payload
from telemetry.core.trades import Trade, parse_trade
from telemetry.foundation.core.refusal import Refused
from tests.telemetry.core.builders import NOW
from tests.telemetry.core.file_formats.builders import freqtrade_trade, order, refusal, result, rows

RUN = Run("Macd", "run 1", "5m")


def made(run: Run = RUN, defaults: Defaults | None = None, **over: Any) -> dict[str, Any]:
    return trade_payload(freqtrade_trade(**over), run, defaults or Defaults())


def parsed(**over: Any) -> Trade:
    return parse_trade(made(**over), now=NOW)


def external_id(**over: Any) -> str:
    return str(made(**over)["external_id"])


def moves(*orders: dict[str, Any]) -> list[tuple[str, str, float | None]]:
    """Return category, hour and fraction of the actions that orders become."""
    trade = parsed(orders=list(orders))
    return [(action.action_category.value, action.at.strftime("%d. %Hh"), action.fraction) for action in trade.actions]


class TestTradePayload:
    def test_maps_a_closed_trade(self) -> None:
        found = made(enter_tag="ewo2 ", is_short=True)

        assert found.pop("external_id").startswith("freqtrade:Macd:BTC/USDT:2024-05-01T10:00:00Z:")
        scope = {"timeframe": "5m"}
        key = {"module": "pm", "pattern_key": "Macd.short.ewo2", "scope": scope}
        assert found == {
            "book": "paper", "source": "freqtrade", "symbol": "BTC/USDT", "side": "short", "timeframe": "5m",
            "cluster_id": ":BTC/USDT:short:2024-05-01T10:00:00Z:Macd",
            "entry_id": "BTC/USDT:short:2024-05-01T10:00:00Z", "opened_at": "2024-05-01T10:00:00Z",
            "closed_at": "2024-05-02T10:00:00Z", "rr": 0.5,
            "actions": [
                key | {"action_category": "entry", "at": "2024-05-01T10:00:00Z"},
                key | {"action_category": "exit", "at": "2024-05-02T10:00:00Z", "controls": {"exit_reason": "roi"}},
            ],
        }  # fmt: skip

    def test_measures_the_outcome_in_units_of_the_first_stop(self) -> None:
        assert made(profit_ratio=-0.15, initial_stop_loss_ratio=0.1)["rr"] == pytest.approx(-1.5, rel=1e-15)

    @pytest.mark.parametrize("risk", [0, 0.0, None])
    def test_refuses_a_trade_without_risk_by_field(self, risk: float | None) -> None:
        with pytest.raises(Refused) as caught:
            made(initial_stop_loss_ratio=risk)

        assert [each.field for each in caught.value.refusals] == ["initial_stop_loss_ratio"]

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"is_open": True}, "close_date"),
            ({"close_date": None}, "close_date"),
            ({"close_date": "soon"}, "close_date"),
            ({"open_date": 5}, "open_date"),
            ({"pair": None}, "pair"),
            ({"pair": "A\0B"}, "pair"),
            ({"profit_ratio": float("nan")}, "profit_ratio"),
            ({"profit_ratio": "0.1"}, "profit_ratio"),
            ({"trade_id": [1]}, "trade_id"),
            ({"is_short": "maybe"}, "is_short"),
            ({"is_open": "perhaps"}, "is_open"),
            ({"leverage": 0}, "leverage"),
            ({"orders": "many"}, "orders"),
            ({"orders": [order(True, 0, float("nan"))]}, "orders[0].amount"),
            ({"orders": [order(True, 0, 1.0, order_filled_timestamp=1e300)]}, "orders[0].order_filled_timestamp"),
        ],
    )
    def test_refuses_by_freqtrades_own_names(self, over: dict[str, Any], field: str) -> None:
        with pytest.raises(Refused) as caught:
            made(**over)

        assert [each.field for each in caught.value.refusals] == [field]

    def test_is_refused_by_its_own_names_later_too(self) -> None:
        row = Row("line 2", made(pair="x" * 61, open_date="2024-05-03"), names=NAMES)

        with pytest.raises(Refused) as caught:
            parse_trade(row.payload, now=NOW)

        assert {each.field for each in row.in_its_words(caught.value)} >= {"pair", "close_date"}

    def test_takes_times_without_zone_for_utc(self) -> None:
        assert made(open_date="2024-05-01 10:00:00")["opened_at"] == "2024-05-01T10:00:00Z"

    def test_refuses_what_is_no_trade(self) -> None:
        with pytest.raises(Refused, match="a list is not an object"):
            trade_payload([], RUN, Defaults())

    def test_names_the_strategy_of_the_trade_before_that_of_the_run(self) -> None:
        assert made(strategy="Own")["actions"][0]["pattern_key"] == "Own.long.entry"
        with pytest.raises(Refused, match="strategy: missing"):
            made(Run())

    def test_lets_variants_share_a_family(self) -> None:
        keys = {made(Run(name), Defaults(family="Daily Buy"))["actions"][0]["pattern_key"] for name in ("gen1", "gen2")}

        assert keys == {"Daily_Buy--2f4bafb3a5.long.entry"}

    def test_says_what_the_caller_says_of_book_and_source(self) -> None:
        found = made(defaults=Defaults("backtest", "mine"), source="log")

        assert (found["book"], found["source"]) == ("backtest", "mine")
        assert made(source="log")["source"] == "log"

    @pytest.mark.parametrize(
        ("over", "side"),
        [
            ({"is_short": None}, "long"),
            ({"is_short": None, "side": "Short"}, "short"),
            ({"is_short": None, "trade_direction": "long"}, "long"),
            ({"is_short": "true", "direction": "short"}, "short"),
            ({"is_short": None, "orders": [order(True, 0, 2.0, ft_order_side="sell")]}, "short"),
            ({"is_short": None, "orders": [order(True, 0, 2.0, ft_order_side="buy")]}, "long"),
        ],
    )
    def test_takes_the_side_from_whatever_states_it(self, over: dict[str, Any], side: str) -> None:
        trade = parsed(**over)

        assert trade.side == trade.actions[0].pattern_key.split(".")[1] == side

    @pytest.mark.parametrize(
        "over", [{"side": "sell"}, {"is_short": True, "side": "long"}, {"is_short": None, "side": "flat"}]
    )
    def test_refuses_a_side_that_is_none_or_two(self, over: dict[str, Any]) -> None:
        with pytest.raises(Refused) as caught:
            made(**over)

        assert [each.field for each in caught.value.refusals] == ["side"]

    @pytest.mark.parametrize("book", ["dry", "live"])
    def test_is_not_recorded_from_a_backtest_as_if_it_had_been_traded(self, book: str) -> None:
        (row,) = rows(json.dumps(result(Macd=[freqtrade_trade(), freqtrade_trade()])).encode(), book=book)

        assert refusal(row)[:2] == ("strategy.Macd", "book")

    def test_counts_the_same_entry_of_several_runs_once(self) -> None:
        assert made(entry_id="e1")["cluster_id"] == "e1"


class TestExternalId:
    def test_is_the_same_for_the_same_trade_under_any_source_and_book(self) -> None:
        assert external_id() == external_id()
        assert external_id() == external_id(defaults=Defaults("live", "bot"))

    @pytest.mark.parametrize(
        "over",
        [
            {"pair": "ETH/USDT"}, {"open_date": "2024-05-01 11:00:00"}, {"close_date": "2024-05-03 10:00:00"},
            {"enter_tag": "dip"}, {"is_short": True}, {"profit_ratio": 0.06}, {"run": Run("Other", "run 1", "5m")},
        ],
    )  # fmt: skip
    def test_differs_between_trades(self, over: dict[str, Any]) -> None:
        assert external_id(**over) != external_id()

    @pytest.mark.parametrize("over", [{"amount": 3.0}, {"run": Run("Macd", "run 2", "5m")}, {"min_rate": 1.0}])
    def test_is_the_same_in_every_run_that_tells_the_trade(self, over: dict[str, Any]) -> None:
        assert external_id(**over) == external_id()

    @pytest.mark.parametrize("own", [7, "7", " 7 ", 7.0, "7.0"])
    def test_rests_on_an_id_however_it_is_spelled(self, own: object) -> None:
        assert external_id(trade_id=own) == external_id(trade_id=7)

    def test_rests_on_the_id_of_a_trade_that_has_one(self) -> None:
        assert external_id(trade_id=1) == external_id(trade_id=1, close_date="2024-05-03 10:00:00", amount=1.0)
        assert external_id(trade_id=1) != external_id(trade_id=2)
        assert external_id(trade_id=1) != external_id(trade_id=1, pair="ETH/USDT")

    def test_fits_however_long_the_names_are(self) -> None:
        assert len(external_id(run=Run("s" * 500), pair="p" * 60)) <= 200


class TestActions:
    def test_makes_adds_of_later_entries_and_trims_of_earlier_exits(self) -> None:
        orders = [order(True, 0, 1.0), order(True, 2, 3.0), order(False, 5, 1.0), order(False, 24, 3.0)]

        assert moves(*orders) == [
            ("entry", "01. 10h", 0.25),
            ("add", "01. 12h", 0.75),
            ("trim", "01. 15h", 0.25),
            ("exit", "02. 10h", None),
        ]

    def test_gives_a_single_entry_no_fraction(self) -> None:
        assert moves(order(True, 0, 1.0), order(False, 24, 1.0)) == [
            ("entry", "01. 10h", None),
            ("exit", "02. 10h", None),
        ]

    def test_passes_over_orders_that_were_not_filled(self) -> None:
        unfilled = order(True, 1, 5.0, order_filled_timestamp=None)

        assert len(moves(order(True, 0, 1.0), unfilled, order(False, 24, 1.0))) == 2

    def test_keeps_two_adds_that_are_equal(self) -> None:
        twice = [order(True, 1, 1.0), order(True, 1, 1.0)]

        assert [each[0] for each in moves(order(True, 0, 2.0), *twice)] == ["entry", "add", "add", "exit"]

    def test_learns_nothing_from_an_exit_it_cannot_judge(self) -> None:
        assert parsed().actions[-1].rr_after is None
