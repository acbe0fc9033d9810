from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.demo.backtest.closed_trades import demo_trades
from config.demo.bot import plan_of
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.core.market_context.bars import Bars
from telemetry.core.trades import parse_trade

Json = dict[str, Any]
NOW = datetime(2024, 9, 6, tzinfo=UTC)


def actions_of(trades: list[Json], category: str) -> Iterator[tuple[Json, Json]]:
    return ((trade, action) for trade in trades for action in trade["actions"] if action["action_category"] == category)


class TestTheSample:
    def test_gives_about_nine_thousand_trades_on_both_timeframes(self, trades: list[Json]) -> None:
        count = Counter(trade["timeframe"] for trade in trades)

        assert 8_000 <= len(trades) <= 11_000
        assert count["4h"] > 1_000
        assert len({trade["symbol"] for trade in trades}) == 24

    def test_tells_every_dimension_in_several_values(self, trades: list[Json]) -> None:
        seen: dict[tuple[str, str], set[str]] = {}
        for trade in trades:
            for action in trade["actions"]:
                for dimension, value in action["scope"].items():
                    seen.setdefault((action["module"], dimension), set()).add(value)

        assert {dimension for (_, dimension), values in seen.items() if len(values) == 1} == {"intent"}
        assert {"7-14d", "14-30d", "30-90d", "90d+"} == seen["dm", "age_bucket"]
        assert len(seen["dm", "vol_bucket"]) >= 4
        assert len(seen["pm", "macro_phase"]) == len(seen["pm", "micro_phase"]) == 6

    def test_is_the_same_every_time(self, sample: list[Bars]) -> None:
        assert demo_trades(sample[:2]) == demo_trades(sample[:2])


class TestDemoTrades:
    def test_are_what_recording_accepts(self, trades: list[Json]) -> None:
        for trade in trades[::10]:
            parse_trade(trade, now=NOW)

    def test_are_sorted_by_their_close_and_named_once(self, trades: list[Json]) -> None:
        assert trades == sorted(trades, key=lambda trade: (trade["closed_at"], trade["external_id"]))
        assert len({trade["external_id"] for trade in trades}) == len(trades)

    def test_are_named_after_their_source_times(self, trades: list[Json]) -> None:
        trade = next(trade for trade in trades if trade["symbol"] == "BTC/USDT" and trade["timeframe"] == "4h")
        family = trade["actions"][1]["pattern_key"].partition(".")[0]

        opened = trade["opened_at"].removesuffix(":00Z")
        assert trade["external_id"] == f"demo:4h:BTC_USDT:{family}.{trade['side']}:{opened}Z"

    def test_open_with_an_allocation_and_an_entry_and_end_with_the_exit(self, trades: list[Json]) -> None:
        for trade in trades:
            categories = [action["action_category"] for action in trade["actions"]]
            assert categories in (["allocation", "entry", "exit"], ["allocation", "entry", "trim", "exit"])
            assert trade["actions"][0]["at"] == trade["actions"][1]["at"] == trade["opened_at"]

    def test_act_at_the_open_of_the_bar_and_close_at_its_end(self, trades: list[Json]) -> None:
        length = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
        for trade, action in actions_of(trades, "exit"):
            closed = datetime.fromisoformat(trade["closed_at"])
            assert closed - datetime.fromisoformat(action["at"]) == length[trade["timeframe"]]

    def test_have_the_result_of_their_legs(self, trades: list[Json]) -> None:
        for trade in trades:
            legs = [action for action in trade["actions"] if action["action_category"] in ("trim", "exit")]
            assert sum(leg["fraction"] for leg in legs) == pytest.approx(1, abs=1e-9)
            assert sum(leg["fraction"] * leg["leg_rr"] for leg in legs) == pytest.approx(trade["rr"], abs=2e-5)

    def test_judge_a_trim_by_the_rest_it_left(self, trades: list[Json]) -> None:
        for trade, trim in actions_of(trades, "trim"):
            rest = trade["actions"][-1]["leg_rr"]
            assert trim["rr_after"] == pytest.approx(rest - trim["leg_rr"], abs=2e-6)

    def test_judge_an_exit_unless_the_data_ends_within_24_bars(self, trades: list[Json]) -> None:
        length = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
        for trade, action in actions_of(trades, "exit"):
            known = datetime.fromisoformat(trade["closed_at"]) + 24 * length[trade["timeframe"]] <= NOW
            assert ("rr_after" in action) == known

    def test_are_reported_when_all_that_is_said_of_them_is_known(self, trades: list[Json]) -> None:
        """The close, the exit's 24 bars, the end of the last alternative; nothing beyond the data."""
        length = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
        waits = set()
        for trade, action in actions_of(trades, "exit"):
            bar, closed = length[trade["timeframe"]], datetime.fromisoformat(trade["closed_at"])
            replayed = datetime.fromisoformat(trade["opened_at"]) + action["controls"]["counterfactual_bars"] * bar
            judged = closed + 24 * bar if "rr_after" in action else closed

            assert plan_of(trade).known_at == max(closed, replayed, judged) <= NOW
            assert datetime.fromisoformat(action["known_at"]) == max(closed, replayed, judged)
            for each in trade["actions"]:
                if each["module"] == "dm":
                    assert "known_at" not in each
                elif each is not action:
                    assert datetime.fromisoformat(each["known_at"]) == max(closed, replayed)
            waits.add("replayed" if replayed > judged else "judged")
        assert waits == {"replayed", "judged"}

    def test_keep_the_exit_reason_out_of_key_and_scope(self, trades: list[Json]) -> None:
        reasons = {action["controls"]["exit_reason"] for _, action in actions_of(trades, "exit")}

        assert reasons == {"initial_stop", "trail_stop", "time_stop"}
        for trade in trades:
            (key,) = {action["pattern_key"] for action in trade["actions"][1:]}
            assert key.split(".")[1] == trade["side"]
            assert not any(reasons & set(action["scope"].values()) for action in trade["actions"])

    def test_went_no_further_than_their_extremes(self, trades: list[Json]) -> None:
        for trade, action in actions_of(trades, "exit"):
            controls = action["controls"]
            assert controls["mae"] <= 0 <= controls["mfe"]
            assert controls["mae"] - 0.6 <= trade["rr"] <= controls["mfe"]

    def test_keep_each_lever_with_an_action_it_can_move(self, trades: list[Json]) -> None:
        for _, action in actions_of(trades, "entry"):
            for lever in action["counterfactuals"]:
                assert "entry" in LEVERS[lever].categories
        for trade, action in actions_of(trades, "exit"):
            is_trimmed = len(trade["actions"]) == 4
            assert ("trim_delay_mult" in action["counterfactuals"]) != is_trimmed
            assert "trail_mult" in action["counterfactuals"]

    def test_name_alternatives_in_the_unit_of_the_lever(self, trades: list[Json]) -> None:
        found: dict[str, set[str]] = {}
        for trade in trades:
            for action in trade["actions"]:
                for lever, deltas in action.get("counterfactuals", {}).items():
                    found.setdefault(lever, set()).update(deltas)

        assert found == {
            "entry_delay_bars": {"1", "2", "3", "6"},
            "phase1_frac_mult": {"0.333", "0.5", "1"},
            "min_ts_for_add": {"0.45", "0.55", "0.65", "0.75"},
            "min_dx_for_add": {"0.2", "0.4", "0.6"},
            "max_edx_for_add": {"0.1", "0.3", "0.5"},
            "trim_delay_mult": {"0.667", "1.333", "1.667", "never"},
            "min_ox_for_trim": {"0.3", "0.4", "0.5", "0.6", "0.8"},
            "trail_mult": {"0.67", "1.33", "2"},
            "panic_trigger_mult": {"0.5", "0.75", "1.5"},
        }
