from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest

from telemetry.foundation.core.csv_cells import BATCH, cell, csv_lines


class TestCell:
    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}"])
    def test_disarms_what_a_spreadsheet_would_run(self, start: str) -> None:
        assert cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"

    @pytest.mark.parametrize("value", [-0.5, 1e-9, 0, -3, True])
    def test_leaves_numbers_alone(self, value: float) -> None:
        assert cell(value) is value

    def test_leaves_other_text_alone(self) -> None:
        assert cell("donchian.long.breakout") == "donchian.long.breakout"


class TestCsvLines:
    def test_reads_back_with_commas_quotes_and_line_ends(self) -> None:
        rows: list[dict[str, object]] = [{"a": 'say "hi",\nthen go', "b": -0.25}, {"a": None}]

        text = "".join(csv_lines(("a", "b"), rows))

        assert list(csv.reader(text.splitlines(keepends=True))) == [
            ["a", "b"],
            ['say "hi",\nthen go', "-0.25"],
            ["", ""],
        ]

    def test_comes_in_pieces_as_rows_are_made(self) -> None:
        made = []

        def rows() -> Iterator[dict[str, int]]:
            for number in range(3 * BATCH):
                made.append(number)
                yield {"n": number}

        pieces = csv_lines(("n",), rows())
        next(pieces), next(pieces)

        assert len(made) == BATCH
