"""Detection of file formats, hostile files included."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import pytest

from telemetry.core.file_formats import compression
from tests.telemetry.core.file_formats.builders import (
    COLUMNS,
    LOGGED,
    freqtrade_trade,
    json_lines,
    our_trade,
    packed,
    payload,
    refusal,
    result,
    rows,
    table,
    zipped,
)


def sources(content: bytes, name: str = "trades") -> list[tuple[str, Any]]:
    """Return place and symbol of every row."""
    return [(row.place, row.payload["symbol"]) for row in rows(content, name) if isinstance(row.payload, dict)]


TWO_STRATEGIES = result(Macd=[freqtrade_trade(), freqtrade_trade(pair="ETH/USDT")], Rsi=[freqtrade_trade()])


class TestReadRows:
    @pytest.mark.parametrize("name", ["trades", "trades.jsonl", "trades.ndjson", "trades.csv", "trades.json"])
    def test_knows_json_lines_by_their_content(self, name: str) -> None:
        assert sources(json_lines(our_trade("a"), our_trade("b")), name) == [
            ("line 1", "BTC/USDT"),
            ("line 2", "BTC/USDT"),
        ]

    def test_believes_a_name_of_json_lines_however_the_file_begins(self) -> None:
        bad, good = rows(b"oops\n" + json_lines(our_trade()), "trades.jsonl")

        assert refusal(bad)[0] == "line 1"
        assert good.payload is not None

    def test_knows_csv_by_its_header(self) -> None:
        assert payload(table(COLUMNS))["external_id"] == "t1"
        assert payload(b"\xef\xbb\xbf" + table(COLUMNS).replace(b"\n", b"\r\n"))["external_id"] == "t1"

    @pytest.mark.parametrize("indent", [None, 2])
    def test_knows_a_backtest_result_and_names_the_place_of_each_trade(self, indent: int | None) -> None:
        assert sources(json.dumps(TWO_STRATEGIES, indent=indent).encode() + b"\n") == [
            ("strategy.Macd.trades[0]", "BTC/USDT"),
            ("strategy.Macd.trades[1]", "ETH/USDT"),
            ("strategy.Rsi.trades[0]", "BTC/USDT"),
        ]

    def test_gives_each_strategy_its_run_and_timeframe(self) -> None:
        macd, _, rsi = rows(json.dumps(TWO_STRATEGIES).encode())

        assert isinstance(macd.payload, dict)
        assert isinstance(rsi.payload, dict)
        assert macd.payload["timeframe"] == "5m"
        assert macd.payload["external_id"] != rsi.payload["external_id"]

    def test_takes_the_result_from_a_zip_that_holds_more(self) -> None:
        content = zipped(bt_config={"strategy": "Macd"}, bt_Macd={"params": {}}, bt=TWO_STRATEGIES)

        assert len(rows(content, "backtest.zip")) == 3

    def test_takes_freqtrades_lists_of_trades(self) -> None:
        trade = freqtrade_trade(strategy="Macd", trade_id=7, timeframe=15)

        listed, answered = (payload(json.dumps(each).encode()) for each in ([trade], {"trades": [trade]}))

        assert listed == answered
        assert (listed["timeframe"], listed["actions"][0]["scope"]) == ("15m", {"timeframe": "15m"})

    def test_takes_our_trades_as_the_api_does(self) -> None:
        content = json.dumps([our_trade("a"), our_trade("b")], indent=1).encode()

        assert [row.place for row in rows(content)] == ["trades[0]", "trades[1]"]

    def test_takes_a_table_of_freqtrades_trades(self) -> None:
        found = payload(table(LOGGED))

        assert (found["rr"], found["cluster_id"], found["source"]) == (0.5, "e1", "log_2024")
        assert found["actions"][0]["pattern_key"] == "Macd.long.dip"

    @pytest.mark.parametrize(
        ("cells", "field"),
        [
            ({"is_open": "1"}, "close_date"),
            ({"close_date": ""}, "close_date"),
            ({"initial_stop_loss_ratio": "0.0"}, "initial_stop_loss_ratio"),
            ({"initial_stop_loss_ratio": ""}, "initial_stop_loss_ratio"),
            ({"profit_ratio": "nan"}, "profit_ratio"),
            ({"profit_ratio": "1e999"}, "profit_ratio"),
        ],
    )
    def test_refuses_a_row_of_a_table_by_its_column(self, cells: dict[str, str], field: str) -> None:
        (row,) = rows(table({**LOGGED, **cells}))

        assert refusal(row)[:2] == ("line 2", field)

    @pytest.mark.parametrize("content", [json_lines(our_trade()), table(COLUMNS), json.dumps([our_trade()]).encode()])
    def test_unpacks_gzip_whatever_it_is_called(self, content: bytes) -> None:
        assert payload(packed(content), "trades.csv")["external_id"] == "t1"


class TestHostileFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "the file is empty"),
            (b" \n\n", "the file is empty"),
            (packed(b""), "the file is empty"),
            (packed(b"x")[:5], "damaged or cut off"),
            (b"\x1f\x8bnothing", "damaged or cut off"),
            (packed(json.dumps([our_trade()] * 9).encode())[:-9], "damaged or cut off"),
            (b"PK\x03\x04nothing", "the zip is damaged, encrypted or cut off"),
            (zipped(bt=result())[:-30], "the zip is damaged, encrypted or cut off"),
            (zipped(bt={"params": {}}), "the zip holds no backtest result"),
            ("external_id,rr".encode("utf-16"), "the file is UTF-16; save it as UTF-8"),
            (b'[{"a": "\xff"}]', "byte 9 is not UTF-8"),
            (b'{"strategy": ', "is not JSON"),
            (b"[]", "the file holds no trades"),
            (b"[" * 200_000, "nested too deep"),
            (b'[{"rr": NaN}]', "NaN is not JSON"),
        ],
    )
    def test_are_refused_as_a_whole(self, content: bytes, message: str) -> None:
        (row,) = rows(content)

        assert row.place == "file"
        assert message in refusal(row)[2]

    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            ("strategy", "the header lacks this column; export it too"),
            (
                "close_date",
                "the header has neither this column nor close_timestamp, its time in milliseconds; export one of them",
            ),
            (
                "profit_ratio",
                "the header has neither this column nor close_profit, its name in freqtrade's database; "
                "export one of them",
            ),
            (
                "initial_stop_loss_ratio",
                "the header has neither this column nor initial_stop_loss_pct, its name in freqtrade's database; "
                "export one of them",
            ),
        ],
    )
    def test_name_the_column_a_table_lacks_and_what_would_do(self, missing: str, message: str) -> None:
        (row,) = rows(table(LOGGED, columns=[name for name in LOGGED if name != missing]))

        assert refusal(row) == ("file", missing, message)

    def test_keep_the_other_strategies_when_one_has_no_trades(self) -> None:
        document = TWO_STRATEGIES | {"strategy": TWO_STRATEGIES["strategy"] | {"Bad": 7, "Worse": {"trades": {}}}}

        *good, bad, worse = rows(json.dumps(document).encode())

        assert len(good) == 3
        assert refusal(bad)[:2] == ("strategy.Bad", "trades")
        assert refusal(worse)[:2] == ("strategy.Worse", "trades")

    def test_refuse_a_header_that_cannot_be_read(self) -> None:
        (row,) = rows(b"external_id,\xff\na,b\n")

        assert refusal(row)[0] == "line 1"

    def test_do_not_fill_the_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compression, "LARGEST_DOCUMENT", 1000)

        for bomb in (packed(b"[" + b" " * 10_000), zipped(bt={"strategy": {"x": " " * 10_000}})):
            (row,) = rows(bomb)
            assert "the JSON has more than 1000 bytes" in refusal(row)[2]

    def test_do_not_unpack_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compression, "ALWAYS_ALLOWED", 10_000)

        *_, last = rows(packed(json_lines(our_trade()) + b"\n" * 1_000_000))

        assert "unpacks to more than" in refusal(last)[2]

    def test_do_not_hide_bombs_in_many_members(self) -> None:
        (row,) = rows(zipped(**{f"bt{number}": {} for number in range(101)}))

        assert "holds 101 JSON files" in refusal(row)[2]

    def test_may_be_encrypted(self) -> None:
        content = bytearray(zipped(bt=TWO_STRATEGIES))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            directory = archive.start_dir
        for flags in (6, directory + 8):
            struct.pack_into("<H", content, flags, 1)

        (row,) = rows(bytes(content))

        assert "encrypted" in refusal(row)[2]
