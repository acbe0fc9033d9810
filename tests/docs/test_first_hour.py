"""The mapping that the guide to the first hour shows reads the trades that it describes."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

from telemetry.core.file_formats.column_mapping import read_mapping
from telemetry.core.file_formats.detect_format import read_rows
from telemetry.core.file_formats.file_rows import Defaults

GUIDE = Path(__file__).parents[2] / "docs" / "first_hour.md"
TRADES = (
    b"Ticket;Item;Type;Open Time;Close Time;R\n"
    b"1;EURUSD;buy;2026.03.01 10:00;2026.03.01 14:00;1,25\n"
    b"2;EURUSD;sell;2026.03.02 10:00;2026.03.02 14:00;-1,0\n"
)


class TestMapping:
    def test_reads_the_columns_words_numbers_and_times_of_another_bot(self) -> None:
        (shown,) = re.findall(r"```json\n(.*?)```", GUIDE.read_text(), re.DOTALL)
        defaults = Defaults(mapping=read_mapping(json.loads(shown)))

        rows = list(read_rows(io.BytesIO(TRADES), "trades.csv", len(TRADES), defaults))

        trades: list[Any] = [row.payload for row in rows]
        assert [row.refusals for row in rows] == [(), ()]
        assert [(each["side"], float(each["rr"])) for each in trades] == [("long", 1.25), ("short", -1.0)]
        assert trades[0]["opened_at"] == "2026-03-01T10:00:00Z"
