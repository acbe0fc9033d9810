"""freqtrade's own database, of 2021 and of 2026: read only, with orders and the decisions its bot stored."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemetry.core.file_formats.detect_format import read_rows
from telemetry.core.file_formats.file_rows import Defaults, Row
from tests.telemetry.core.file_formats.builders import refusal, rows

DECISION, OTHER = "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f", "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e10"
TRADE_2021 = {
    "id": 1, "exchange": "binance", "pair": "ARPA/BUSD", "is_open": 0, "fee_open": 0.00075, "fee_close": 0.00075,
    "open_rate": 0.2, "close_rate": 0.21, "close_profit": 0.05, "stake_amount": 100.0, "amount": 500.0,
    "open_date": "2021-11-03 23:00:28.123456", "close_date": "2021-11-04 03:58:07.000000", "stop_loss": 0.18,
    "initial_stop_loss": 0.18, "initial_stop_loss_pct": -0.1, "max_rate": 0.22, "min_rate": 0.19,
    "sell_reason": "sell_profit", "strategy": "NFI", "buy_tag": "2 ", "timeframe": 15,
}  # fmt: skip
TRADE_2026 = {
    **{name: value for name, value in TRADE_2021.items() if name not in ("sell_reason", "buy_tag")},
    "exit_reason": "roi", "enter_tag": "dip", "leverage": 3.0, "is_short": 1, "trading_mode": "FUTURES",
    "pair": "ARPA/USDT:USDT",
}  # fmt: skip


def filled(number: int, side: str, amount: float, hour: int, **over: Any) -> dict[str, Any]:
    return {
        "id": number, "ft_trade_id": 1, "ft_order_side": side, "ft_is_open": 0, "status": "closed", "average": 0.2,
        "amount": amount, "filled": amount, "order_filled_date": f"2021-11-04 0{hour}:00:00.000000",
        "ft_order_tag": None,
    } | over  # fmt: skip


def written(path: Path, **tables: Sequence[Mapping[str, Any]]) -> Path:
    with closing(sqlite3.connect(path)) as database:
        for table, records in tables.items():
            columns = ", ".join(records[0])
            database.execute(f"CREATE TABLE {table} ({columns})")
            marks = ", ".join("?" for _ in records[0])
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", [list(each.values()) for each in records])
        database.commit()
    return path


def read(path: Path, **defaults: Any) -> list[Row]:
    with path.open("rb") as stream:
        return list(read_rows(stream, path.name, path.stat().st_size, Defaults(**defaults), path=path))


def payload(found: Iterable[Row]) -> dict[str, Any]:
    (row,) = found
    assert isinstance(row.payload, dict), row.refusals
    return row.payload


class TestReadDatabase:
    def test_reads_that_of_2021(self, tmp_path: Path) -> None:
        found = payload(read(written(tmp_path / "tradesv3.sqlite", trades=[TRADE_2021])))

        assert (found["symbol"], found["side"], found["rr"], found["book"]) == ("ARPA/BUSD", "long", 0.5, "live")
        assert (found["opened_at"], found["timeframe"]) == ("2021-11-03T23:00:28.123456Z", "15m")
        assert [each["pattern_key"] for each in found["actions"]] == ["NFI.long.2"] * 2
        assert found["cluster_id"] == "binance:ARPA/BUSD:long:2021-11-03T23:00:00Z:NFI"

    def test_reads_that_of_a_dry_run_as_dry_and_never_as_live(self, tmp_path: Path) -> None:
        orders = [
            filled(1, "buy", 500.0, 0, order_id="dry_run_buy_ARPA/BUSD_1635980428.1"),
            filled(2, "sell", 500.0, 3, order_id="dry_run_sell_ARPA/BUSD_1635998287.2"),
        ]
        path = written(tmp_path / "tradesv3.dryrun.sqlite", trades=[TRADE_2021], orders=orders)

        assert payload(read(path))["book"] == payload(read(path, book="dry"))["book"] == "dry"
        (row,) = read(path, book="live")
        assert refusal(row)[:2] == ("trades[1]", "book")

    def test_reads_that_of_2026_with_its_orders(self, tmp_path: Path) -> None:
        orders = [
            filled(1, "sell", 250.0, 0),
            filled(2, "sell", 250.0, 1, ft_order_tag="second"),
            filled(3, "buy", 100.0, 2),
            filled(4, "buy", 100.0, 2, order_filled_date=None, filled=None, status="canceled"),
            filled(5, "buy", 400.0, 3),
        ]

        (row,) = read(written(tmp_path / "db", trades=[TRADE_2026], orders=orders))

        found = payload([row])
        moves = [(each["action_category"], each.get("fraction")) for each in found["actions"]]
        assert moves == [("entry", 0.5), ("add", 0.5), ("trim", 0.2), ("exit", None)]
        assert found["actions"][1]["pattern_key"] == "NFI.short.second"
        assert row.may_revise
        assert row.market is not None
        assert [fill.is_entry for fill in row.market.fills] == [True, True, False, False]

    @pytest.mark.parametrize("value", [[DECISION], {"entry": [DECISION]}, {"entry": [[DECISION]], "exit": [OTHER]}])
    def test_takes_the_decisions_that_the_bot_stored(self, tmp_path: Path, value: object) -> None:
        stored = {"ft_trade_id": 1, "cd_key": "counterweight_decision_ids", "cd_value": json.dumps(value)}

        found = payload(read(written(tmp_path / "db", trades=[TRADE_2026], trade_custom_data=[stored])))

        assert found["actions"][0]["decision_ids"] == [DECISION]

    def test_takes_what_was_applied_of_the_last_decision(self, tmp_path: Path) -> None:
        ids = {"ft_trade_id": 1, "cd_key": "counterweight_decision_ids", "cd_value": json.dumps([OTHER, DECISION])}
        values = json.dumps({OTHER: {"size_mult": 1.0}, DECISION: {"size_mult": 0.97}})
        applied = {"ft_trade_id": 1, "cd_key": "counterweight_applied", "cd_value": values}

        found = payload(read(written(tmp_path / "db", trades=[TRADE_2026], trade_custom_data=[applied, ids])))

        assert found["actions"][0]["applied"] == {"size_mult": 0.97}
        assert all("applied" not in action for action in found["actions"][1:])

    def test_refuses_what_was_applied_unless_it_is_an_object(self, tmp_path: Path) -> None:
        ids = {"ft_trade_id": 1, "cd_key": "counterweight_decision_ids", "cd_value": json.dumps([DECISION])}
        applied = {"ft_trade_id": 1, "cd_key": "counterweight_applied", "cd_value": "[1]"}

        (row,) = read(written(tmp_path / "db", trades=[TRADE_2026], trade_custom_data=[ids, applied]))

        assert refusal(row)[1].startswith("counterweight_applied")

    @pytest.mark.parametrize("value", ["yes", '{"add": ["x"]}', "7", '{"entry": "x"}'])
    def test_refuses_decisions_that_fit_no_action(self, tmp_path: Path, value: str) -> None:
        stored = {"ft_trade_id": 1, "cd_key": "counterweight_decision_ids", "cd_value": value}

        (row,) = read(written(tmp_path / "db", trades=[TRADE_2026], trade_custom_data=[stored]))

        assert refusal(row)[1].startswith("counterweight_decision_ids")

    def test_takes_the_book_of_the_caller(self, tmp_path: Path) -> None:
        assert payload(read(written(tmp_path / "db", trades=[TRADE_2021]), book="dry"))["book"] == "dry"

    def test_reads_one_that_is_packed_or_comes_as_a_stream(self, tmp_path: Path) -> None:
        content = written(tmp_path / "db", trades=[TRADE_2021]).read_bytes()

        assert payload(rows(content))["rr"] == payload(rows(gzip.compress(content)))["rr"] == 0.5

    def test_reads_one_that_a_bot_has_open_without_touching_it(self, tmp_path: Path) -> None:
        path = written(tmp_path / "db", trades=[TRADE_2021])
        with closing(sqlite3.connect(path)) as bot:
            bot.execute("PRAGMA journal_mode = WAL")
            bot.execute("UPDATE trades SET close_profit = 0.07")
            bot.commit()
            before = path.read_bytes()

            assert payload(read(path))["rr"] == pytest.approx(0.7)
            assert path.read_bytes() == before

    def test_names_the_column_that_a_table_lacks(self, tmp_path: Path) -> None:
        trade = {name: value for name, value in TRADE_2021.items() if name != "close_profit"}

        (row,) = read(written(tmp_path / "db", trades=[trade]))

        assert refusal(row)[:2] == ("file", "profit_ratio")

    def test_refuses_a_database_of_something_else(self, tmp_path: Path) -> None:
        (row,) = read(written(tmp_path / "db", songs=[{"name": "a"}]))

        assert "has no table trades" in refusal(row)[2]

    def test_refuses_one_that_is_damaged(self, tmp_path: Path) -> None:
        path = written(tmp_path / "db", trades=[TRADE_2021] * 500)
        path.write_bytes(path.read_bytes()[:6000])

        assert "cannot be read" in refusal(read(path)[-1])[2]

    def test_passes_over_open_trades_by_name(self, tmp_path: Path) -> None:
        (row,) = read(written(tmp_path / "db", trades=[TRADE_2021 | {"is_open": 1, "close_date": None}]))

        assert refusal(row)[:2] == ("trades[1]", "close_date")
