"""Backtest results with what lies beside them: runs, exchanges, forced exits, bad members of a zip."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from telemetry.core.file_formats.detect_format import read_rows
from telemetry.core.file_formats.exclusions import FORCED
from telemetry.core.file_formats.file_rows import Defaults
from tests.telemetry.core.file_formats.builders import freqtrade_trade, given, json_lines, refusal, result, rows, zipped

PLAIN = {"strategy": {"Macd": {"trades": [freqtrade_trade()], "timeframe": "5m", "use_custom_stoploss": False}}}


def ids(*found: Any) -> set[object]:
    return {given(row)["external_id"] for each in found for row in each}


class TestRuns:
    def test_tell_one_trade_as_one_trade_however_often_they_are_run(self) -> None:
        first, second = result(Macd=[freqtrade_trade()]), result(Macd=[freqtrade_trade(amount=7.0)])
        second["metadata"]["Macd"]["run_id"] = "another"

        assert len(ids(rows(json.dumps(first).encode()), rows(json.dumps(second).encode()))) == 1

    def test_are_named_by_the_metadata_beside_the_file(self) -> None:
        content = json.dumps(PLAIN).encode()
        beside = {"Macd": {"run_id": "run 7", "timeframe": "5m"}}

        (row,) = read_rows(io.BytesIO(content), "bt.json", len(content), Defaults(), beside=beside)

        assert row.run == "run 7"

    def test_are_named_by_the_metadata_in_a_zip(self) -> None:
        (row,) = rows(zipped(bt=PLAIN, **{"bt.meta": {"Macd": {"run_id": "run 8"}}}))

        assert row.run == "run 8"

    def test_take_the_exchange_from_the_configuration_in_a_zip(self) -> None:
        (row,) = rows(zipped(bt=PLAIN, bt_config={"exchange": {"name": "binance"}}))

        assert row.market is not None
        assert row.market.exchange == "binance"
        assert given(row)["cluster_id"].startswith("binance:BTC/USDT:long:")

    def test_say_whether_the_stop_is_moved_by_code(self) -> None:
        moved = {"strategy": {"Macd": PLAIN["strategy"]["Macd"] | {"use_custom_stoploss": True}}}

        (row,) = rows(json.dumps(moved).encode())

        assert given(row)["rr"] is None

    def test_tell_variants_of_one_family_as_one_cluster(self) -> None:
        variants = result(Daily_1=[freqtrade_trade()], Daily_2=[freqtrade_trade(profit_ratio=0.01)])

        found = rows(json.dumps(variants).encode(), family="Daily")

        assert len({given(row)["cluster_id"] for row in found}) == 1
        assert len({given(row)["external_id"] for row in found}) == 2

    def test_keep_strategies_apart_that_share_an_entry(self) -> None:
        found = rows(json.dumps(result(Macd=[freqtrade_trade()], Rsi=[freqtrade_trade()])).encode())

        assert len({given(row)["cluster_id"] for row in found}) == 2
        assert len({given(row)["entry_id"] for row in found}) == 1


class TestForcedExits:
    @pytest.mark.parametrize("reason", ["force_exit", "force_sell"])
    def test_at_the_end_of_a_backtest_are_no_outcomes(self, reason: str) -> None:
        (row,) = rows(json.dumps(result(Macd=[freqtrade_trade(exit_reason=reason)])).encode())

        assert given(row)["excluded_reason"] == FORCED

    def test_by_a_person_in_a_live_book_are_outcomes(self) -> None:
        trade = freqtrade_trade(exit_reason="force_exit", strategy="Macd", trade_id=1)

        (row,) = rows(json.dumps([trade]).encode(), book="live")

        assert "excluded_reason" not in given(row)

    def test_are_known_in_a_list_by_its_book(self) -> None:
        (row,) = rows(json.dumps([freqtrade_trade(exit_reason="force_exit", strategy="M")]).encode(), book="backtest")

        assert given(row)["excluded_reason"] == FORCED


class TestZips:
    @pytest.mark.parametrize("bad", [b"{", b'{"a": 1, "a": 2}', b"\xff\xfe", b"[" * 200_000])
    def test_cost_only_the_member_that_cannot_be_read(self, bad: bytes) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.json", bad)
            archive.writestr("b.json", json.dumps(PLAIN))

        good, refused = rows(packed.getvalue())

        assert good.payload is not None
        assert refusal(refused)[0] == "a.json"

    def test_may_hold_prices_that_are_no_numbers(self) -> None:
        (row,) = rows(zipped(bt=result(Macd=[freqtrade_trade(min_rate=float("nan"))])))

        assert given(row)["rr"] == 0.5


class TestJsonLines:
    def test_of_freqtrades_trades_are_read_as_freqtrades(self) -> None:
        content = json_lines(freqtrade_trade(strategy="Macd", min_rate=float("nan")), freqtrade_trade(strategy="Macd"))

        found = rows(content, "trades.jsonl")

        assert [given(row)["rr"] for row in found] == [0.5, 0.5]

    def test_of_our_trades_may_hold_no_nan(self) -> None:
        (row,) = rows(b'{"external_id": "a", "rr": NaN}\n', "trades.jsonl")

        assert "NaN is not JSON" in refusal(row)[2]
