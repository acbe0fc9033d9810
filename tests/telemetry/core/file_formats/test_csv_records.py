from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.file_formats import csv_records
from telemetry.core.file_formats.csv_records import Record, number, read_records
from telemetry.core.file_formats.text_lines import read_lines


def read(content: str) -> list[Record]:
    return list(read_records(read_lines(io.BytesIO(content.encode()))))


def cells(content: str) -> list[list[str]]:
    return [list(record.cells) for record in read(content)]


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8).map(str.strip)


class TestReadRecords:
    def test_strips_cells_and_passes_over_blank_lines(self) -> None:
        assert cells('a, b \r\n\r\n"c,d","e ""f"""\n') == [["a", "b"], ["c,d", 'e "f"']]

    def test_names_the_line_a_record_begins_on(self) -> None:
        assert [(each.place, each.cells) for each in read('a\n"b\n\nc",d\ne')] == [
            ("line 1", ["a"]),
            ("line 2", ["b\n\nc", "d"]),
            ("line 5", ["e"]),
        ]

    def test_loses_only_the_line_whose_quote_never_closes(self) -> None:
        first, bad, last = read('a,b\n"c,d\ne,f\n')

        assert (first.cells, last.cells, last.place) == (["a", "b"], ["e", "f"], "line 3")
        assert (bad.place, str(bad.refused)) == (
            "line 2",
            "a quote is opened and never closed; close it, or double quotes that belong to the text",
        )

    def test_looks_only_so_far_for_the_closing_quote(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(csv_records, "MOST_LINES", 2)

        assert [each.refused is None for each in read('"a\nb\nc\nd"\n')] == [False, True, True, False]

    @pytest.mark.parametrize("line", ['"a"b,c', "a" * 140_000, "a\rb"])
    def test_refuses_what_is_not_csv(self, line: str) -> None:
        (record,) = read(line)

        assert "is not CSV" in str(record.refused)

    def test_reads_on_after_a_line_it_cannot_decode(self) -> None:
        content = b'a\n"b\n\xff\nc\n'

        found = list(read_records(read_lines(io.BytesIO(content))))

        assert [(each.place, each.refused is None) for each in found] == [
            ("line 1", True), ("line 2", False), ("line 3", False), ("line 4", True),
        ]  # fmt: skip

    @given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8))
    def test_reads_back_what_the_standard_writer_wrote(self, written: list[list[str]]) -> None:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(written)

        assert cells(stream.getvalue()) == written


class TestNumber:
    @pytest.mark.parametrize(("cell", "value"), [("1", 1.0), ("-.5", -0.5), ("+2.", 2.0), ("1E3", 1000.0)])
    def test_reads_numbers(self, cell: str, value: float) -> None:
        assert number(cell) == value

    @pytest.mark.parametrize("cell", ["nan", "inf", "0x1", "1_0", "1,5", "\u0661", "1 R"])
    def test_leaves_other_text_to_be_refused(self, cell: str) -> None:
        assert number(cell) == cell
