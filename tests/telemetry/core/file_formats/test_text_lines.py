from __future__ import annotations

import gzip
import io

import pytest

from telemetry.core.file_formats import text_lines
from telemetry.core.file_formats.text_lines import Line, read_lines


def read(content: bytes, **limits: int) -> list[Line]:
    return list(read_lines(io.BytesIO(content), **limits))


def message(line: Line) -> str:
    assert line.refused is not None
    return str(line.refused)


class TestReadLines:
    def test_numbers_lines_as_editors_do_and_drops_the_byte_order_mark(self) -> None:
        assert read(b"\xef\xbb\xbfa\r\n\nb") == [Line(1, "a\r\n"), Line(2, "\n"), Line(3, "b")]

    def test_breaks_lines_at_newlines_only(self) -> None:
        assert [line.text for line in read("a\u2028b\x0cc\n".encode())] == ["a\u2028b\x0cc\n"]

    def test_refuses_a_line_that_is_not_utf8_and_reads_on(self) -> None:
        good, bad, last = read(b"a\n\xe9t\xe9\nb\n")

        assert (good.text, last.text) == ("a\n", "b\n")
        assert (bad.number, message(bad)) == (2, "byte 1 of the line is not UTF-8; save the file as UTF-8")

    def test_refuses_a_line_that_is_too_long_without_holding_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_lines, "LONGEST_LINE", 10)

        at_limit, long, last = read(b"123456789\n" + b"x" * 95 + b"\nb")

        assert (at_limit.text, last) == ("123456789\n", Line(3, "b"))
        assert message(long).startswith("the line has 96 bytes; send at most 10")

    def test_keeps_what_came_before_the_cut_of_a_packed_file(self) -> None:
        content = gzip.compress(b"".join(b"%d\n" % number for number in range(100_000)))

        *good, last = read_lines(gzip.GzipFile(fileobj=io.BytesIO(content[: len(content) // 2])))

        assert len(good) > 1000
        assert all(line.refused is None for line in good)
        assert "damaged or cut off here" in message(last)

    def test_stops_at_a_bomb(self) -> None:
        bomb = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"\n" * 100_000)))

        *_, last = read_lines(bomb, most=1000)

        assert last.number == 1001
        assert "unpacks to more than 1000 bytes" in message(last)
