from __future__ import annotations

import pytest

from tests.telemetry.core.file_formats.builders import json_lines, our_trade, payload, refusal, rows


class TestReadJsonLines:
    def test_takes_a_trade_from_every_line_that_is_not_blank(self) -> None:
        found = rows(json_lines(our_trade("a")) + b"\n  \n" + json_lines(our_trade("b")), "t.jsonl")

        assert [(row.place, row.payload) for row in found] == [
            ("line 1", our_trade("a", book="paper", source=None)),
            ("line 4", our_trade("b", book="paper", source=None)),
        ]

    def test_fills_in_book_and_source_only_where_the_trade_names_none(self) -> None:
        content = json_lines(our_trade(), our_trade(book="live", source="bot"))

        first, second = rows(content, "t.jsonl", book="sim", source="file")

        assert isinstance(first.payload, dict)
        assert isinstance(second.payload, dict)
        assert (first.payload["book"], first.payload["source"]) == ("sim", "file")
        assert (second.payload["book"], second.payload["source"]) == ("live", "bot")

    def test_knows_the_weight_of_a_row(self) -> None:
        (row,) = rows(json_lines(our_trade()), "t.jsonl")

        assert row.size == len(json_lines(our_trade()))

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b'{"rr": NaN}', "NaN is not JSON; send a finite number or leave the field out"),
            (b'{"rr": -Infinity}', "-Infinity is not JSON"),
            (b'{"rr": 1, "rr": 2}', "the key 'rr' appears twice in one object; send it once"),
            (b'{"rr": 1', "is not JSON: "),
            (b"[" * 100_000, "is nested too deep"),
            (b'{"rr": ' + b"9" * 5000 + b"}", "is not JSON: Exceeds the limit"),
            (b'{"symbol": "\xff"}', "byte 13 of the line is not UTF-8; save the file as UTF-8"),
        ],
    )
    def test_refuses_a_line_and_reads_on(self, line: bytes, reason: str) -> None:
        bad, good = rows(line + b"\n" + json_lines(our_trade()), "t.jsonl")

        place, field, message = refusal(bad)
        assert (place, field) == ("line 1", "")
        assert reason in message
        assert good.payload is not None

    def test_leaves_what_is_no_trade_to_the_reader_of_trades(self) -> None:
        (row,) = rows(b"7\n", "t.jsonl")

        assert row.payload == 7

    def test_takes_one_trade_without_a_telling_name(self) -> None:
        assert payload(json_lines(our_trade()))["external_id"] == "t1"
