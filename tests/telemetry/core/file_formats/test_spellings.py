"""Values that mean the same are read alike from CSV and JSON, and every other value is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry.core.file_formats.file_rows import Row
from telemetry.core.file_formats.spellings import is_nothing, moment, timestamp, truth
from telemetry.foundation.core.refusal import Refused
from tests.telemetry.core.file_formats.builders import LOGGED, freqtrade_trade, refusal, rows, table

TRUE = ["t", "T", "true", "True", "TRUE", " yes", "y", "1", "1.0", True, 1, 1.0]
FALSE = ["f", "F", "false", "False", "FALSE", "no ", "n", "0", "0.0", False, 0, 0.0]
NOTHING = ["", " ", "NaN", "nan", "NaT", "None", "null", "NULL", "<NA>", "\\N", None, float("nan")]
OPENED = "2024-05-01T10:00:00Z"
OPENINGS = [
    "2024-05-01 10:00:00", "2024-05-01T10:00:00", "2024-05-01T10:00:00Z", "2024-05-01 10:00:00+00:00",
    "2024-05-01 12:00:00+02:00", "2024-05-01 10:00:00 +00:00", "2024-05-01 10:00:00.000000", "2024-05-01T10:00:00.000Z",
    "2024-05-01 10:00:00 UTC", "2024-05-01T10:00:00+0000", "2024-05-01 10:00", "2024-05-01 10:00:00.000000000",
]  # fmt: skip


def from_csv(**cells: str) -> Row:
    (row,) = rows(table({**LOGGED, **cells}))
    return row


def from_json(**over: Any) -> Row:
    (row,) = rows(json.dumps([freqtrade_trade(strategy="Macd", **over)]).encode())
    return row


def read(row: Row) -> dict[str, Any]:
    assert isinstance(row.payload, dict), row.refusals
    return row.payload


class TestTruth:
    @pytest.mark.parametrize("value", TRUE)
    def test_is_read_in_every_spelling(self, value: object) -> None:
        assert truth(value) is True
        assert read(from_json(is_short=value))["side"] == "short"
        assert read(from_csv(is_short=str(value)))["side"] == "short"

    @pytest.mark.parametrize("value", FALSE)
    def test_is_denied_in_every_spelling(self, value: object) -> None:
        assert truth(value) is False
        assert read(from_json(is_short=value, is_open=value))["side"] == "long"
        assert read(from_csv(is_short=str(value), is_open=str(value)))["side"] == "long"

    @pytest.mark.parametrize("value", TRUE)
    def test_means_an_open_trade(self, value: object) -> None:
        assert refusal(from_json(is_open=value))[1] == "close_date"
        assert refusal(from_csv(is_open=str(value)))[1] == "close_date"

    @pytest.mark.parametrize("field", ["is_short", "is_open"])
    @pytest.mark.parametrize("value", ["maybe", "2", "-1", "long", "tru", "10"])
    def test_is_never_guessed(self, field: str, value: str) -> None:
        with pytest.raises(Refused):
            truth(value)
        assert refusal(from_csv(**{field: value}))[1] == field
        assert refusal(from_json(**{field: value}))[1] == field

    @pytest.mark.parametrize("value", [2, 0.5, [], {}])
    def test_is_no_other_json_value(self, value: object) -> None:
        assert refusal(from_json(is_short=value))[1] == "is_short"


class TestNothing:
    @pytest.mark.parametrize("value", NOTHING)
    def test_is_read_in_every_spelling(self, value: object) -> None:
        assert is_nothing(value)

    @pytest.mark.parametrize("value", ["", "NaT", "NaN", "None", "\\N", "null"])
    def test_is_the_close_of_an_open_trade(self, value: str) -> None:
        assert refusal(from_csv(close_date=value))[1] == "close_date"

    @pytest.mark.parametrize("value", ["0", "0.0", "false", "none at all"])
    def test_is_not_a_value(self, value: str) -> None:
        assert not is_nothing(value)

    @pytest.mark.parametrize("value", ["", "NaN", "None", "NULL"])
    def test_is_no_tag(self, value: str) -> None:
        assert read(from_csv(enter_tag=value))["actions"][0]["pattern_key"] == "Macd.long.entry"


class TestTimes:
    @pytest.mark.parametrize("value", OPENINGS)
    def test_are_read_in_every_spelling(self, value: str) -> None:
        assert read(from_csv(open_date=value))["opened_at"] == OPENED
        assert read(from_json(open_date=value))["opened_at"] == OPENED

    @pytest.mark.parametrize("value", [1714557600000, 1714557600, "1714557600000", 1714557600000.0, "1714557600000.0"])
    def test_are_read_from_the_timestamp_where_there_is_no_date(self, value: object) -> None:
        assert read(from_json(open_date=None, open_timestamp=value))["opened_at"] == OPENED
        cells = {name: cell for name, cell in LOGGED.items() if name != "open_date"}
        (row,) = rows(table({**cells, "open_timestamp": str(value)}))
        assert read(row)["opened_at"] == OPENED

    def test_of_a_date_come_before_those_of_a_timestamp(self) -> None:
        assert read(from_json(open_timestamp=1714000000000))["opened_at"] == OPENED

    @pytest.mark.parametrize("value", ["01/05/2024 10:00", "1714557600000", "yesterday", "2024-13-01", "10:00"])
    def test_are_never_guessed(self, value: str) -> None:
        with pytest.raises(Refused):
            moment(value)
        assert refusal(from_csv(open_date=value))[1] == "open_date"

    @pytest.mark.parametrize("value", [True, "x", -1, 0, 1e300, [], float("inf")])
    def test_of_timestamps_are_never_guessed(self, value: object) -> None:
        with pytest.raises(Refused):
            timestamp(value)


class TestOtherNames:
    def test_of_the_entry_tag_are_read(self) -> None:
        assert read(from_json(enter_tag=None, buy_tag="dip"))["actions"][0]["pattern_key"] == "Macd.long.dip"
        assert read(from_json(exit_reason=None, sell_reason="roi"))["actions"][-1]["controls"] == {"exit_reason": "roi"}

    def test_of_the_database_are_read_from_a_table(self) -> None:
        ours = {"trade_id": "id", "profit_ratio": "close_profit", "initial_stop_loss_ratio": "initial_stop_loss_pct"}
        (row,) = rows(table({ours.get(name, name): cell for name, cell in LOGGED.items()}))
        (same,) = rows(table(LOGGED))

        assert read(row) == read(same)

    def test_are_named_in_refusals(self) -> None:
        (row,) = rows(table({**LOGGED, "close_profit": "much"}, columns=[
            *(name for name in LOGGED if name != "profit_ratio"), "close_profit",
        ]))  # fmt: skip

        assert refusal(row)[1] == "close_profit"

    def test_do_not_make_a_ratio_of_a_percentage(self) -> None:
        trade = freqtrade_trade(strategy="Macd", initial_stop_loss_pct=-10.0)
        del trade["initial_stop_loss_ratio"]
        (row,) = rows(json.dumps([trade]).encode())

        assert refusal(row)[1] == "initial_stop_loss_pct"
        assert "percentage" in refusal(row)[2]


class TestUnneededValues:
    def test_may_be_no_numbers(self) -> None:
        content = json.dumps([
            freqtrade_trade(strategy="Macd", min_rate=float("nan"), max_rate=float("inf")),
            freqtrade_trade(strategy="Macd", pair="ETH/USDT"),
        ])  # fmt: skip

        first, second = rows(content.encode())

        assert read(first)["rr"] == read(second)["rr"] == 0.5

    def test_refuse_only_their_own_row_if_they_are_needed_after_all(self) -> None:
        content = json.dumps(
            [freqtrade_trade(strategy="Macd"), freqtrade_trade(strategy="A", profit_ratio=float("nan"))]
        )

        good, bad = rows(content.encode())

        assert read(good)["rr"] == 0.5
        assert refusal(bad)[:2] == ("trades[1]", "profit_ratio")
