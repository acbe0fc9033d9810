"""Other bots' CSV by a stated mapping of columns."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.core.file_formats.column_mapping import read_mapping
from telemetry.foundation.core.refusal import Refused
from tests.telemetry.core.file_formats.builders import given, payload, refusal, rows

MT4 = b"""Ticket;Open Time;Type;Item;Close Time;R
1;2024.05.01 10:00;buy;EURUSD;2024.05.02 10:00;1,5
2;2024.05.03 10:00;sell;EURUSD;2024.05.04 10:00;-0,5
"""
MAPPING: dict[str, Any] = {
    "columns": {
        "external_id": "Ticket", "symbol": "Item", "side": "Type", "opened_at": "Open Time",
        "closed_at": "Close Time", "rr": "R",
    },
    "constants": {"pattern_key": "ea.long.entry"},
    "values": {"side": {"buy": "long", "sell": "short"}},
    "separator": ";",
    "decimal": ",",
    "time_format": "%Y.%m.%d %H:%M",
}  # fmt: skip
HUMMINGBOT = b"""strategy,trading_pair,open_ts,close_ts,net_pnl_pct,stop_loss,side
pmm,ETH-USDT,1714557600000,1714644000000,0.02,-0.04,BUY
"""


class TestColumnMapping:
    def test_reads_a_table_with_semicolons_decimal_commas_and_words(self) -> None:
        first, second = rows(MT4, mapping=read_mapping(MAPPING))

        assert given(first) == {
            "external_id": "1", "symbol": "EURUSD", "side": "long", "opened_at": "2024-05-01T10:00:00Z",
            "closed_at": "2024-05-02T10:00:00Z", "rr": 1.5, "book": "paper", "source": None,
            "actions": [{
                "module": "pm", "at": "2024-05-01T10:00:00Z", "pattern_key": "ea.long.entry",
                "action_category": "entry", "scope": {},
            }],
        }  # fmt: skip
        assert (given(second)["side"], given(second)["rr"]) == ("short", -0.5)

    def test_reads_another_bots_table_under_freqtrades_names(self) -> None:
        mapping = read_mapping({
            "columns": {
                "strategy": "strategy", "pair": "trading_pair", "open_timestamp": "open_ts",
                "close_timestamp": "close_ts", "profit_ratio": "net_pnl_pct", "initial_stop_loss_ratio": "stop_loss",
                "is_short": "side",
            },
            "values": {"is_short": {"BUY": "false", "SELL": "true"}},
        })  # fmt: skip

        found = payload(HUMMINGBOT, mapping=mapping)

        assert (found["symbol"], found["rr"], found["side"]) == ("ETH-USDT", 0.5, "long")

    @pytest.mark.parametrize(
        ("old", "new", "field"),
        [
            (b";buy;", b";hold;", "Type"),
            (b"2024.05.01 10:00", b"01.05.2024", "Open Time"),
            (b"1,5", b"1.000,5", "R"),
        ],
    )
    def test_refuses_a_cell_by_the_files_own_column(self, old: bytes, new: bytes, field: str) -> None:
        first, second = rows(MT4.replace(old, new), mapping=read_mapping(MAPPING))

        assert refusal(first)[:2] == ("line 2", field)
        assert second.payload is not None

    def test_reads_the_zone_that_a_time_states(self) -> None:
        mapping = read_mapping(MAPPING | {"time_format": "%Y.%m.%d %H:%M %z"})
        first, _ = rows(MT4.replace(b" 10:00", b" 10:00 +0200"), mapping=mapping)

        assert given(first)["opened_at"] == "2024-05-01T08:00:00Z"

    def test_refuses_a_file_that_lacks_its_columns(self) -> None:
        (row,) = rows(MT4.replace(b"Ticket", b"Order"), mapping=read_mapping(MAPPING))

        assert refusal(row)[:2] == ("file", "Ticket")

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"columns": None}, "columns"),
            ({"separator": "x"}, "separator"),
            ({"decimal": "'"}, "decimal"),
            ({"constants": {"rr": "1"}}, "constants.rr"),
            ({"values": {"side": "buy"}}, "values.side"),
            ({"colums": {}}, "colums"),
        ],
    )
    def test_is_refused_by_what_is_wrong_with_it(self, over: dict[str, Any], field: str) -> None:
        with pytest.raises(Refused) as caught:
            read_mapping(MAPPING | over)

        assert [each.field for each in caught.value.refusals] == [field]

    def test_is_named_where_decimal_commas_are_not_stated(self) -> None:
        first, _ = rows(MT4, mapping=read_mapping(MAPPING | {"decimal": "."}))

        assert given(first)["rr"] == "1,5"  # text, which the reader of the field refuses
