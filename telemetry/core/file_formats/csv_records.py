"""CSV as spreadsheets write it: a header, then records, which may span several lines inside quotes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from telemetry.core.file_formats.text_lines import LONGEST_LINE, Line
from telemetry.foundation.core.refusal import Refused

MOST_LINES = 1000  # lines per record; bounds what an unclosed quote can swallow
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Record:
    """The stripped cells of one record, or the refusal that explains why it has none."""

    place: str
    cells: Sequence[str] = ()
    refused: Refused | None = None
    size: int = 0


def read_records(lines: Iterator[Line], separator: str = ",") -> Iterator[Record]:
    """Yield the records, the header first. A record ends with the line on which its quotes balance."""
    waiting: list[Line] = []
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        if line.refused is not None or line.text.count('"') % 2 == 0:
            if line.refused is not None or line.text.strip():
                yield _record([line], separator)
            continue
        record = [line, *_until_balanced(lines, waiting)]
        if sum(each.text.count('"') for each in record) % 2:
            message = "a quote is opened and never closed; close it, or double quotes that belong to the text"
            yield Record(f"line {line.number}", refused=Refused.because(message))
            waiting = record[1:]
        else:
            yield _record(record, separator)


def _until_balanced(lines: Iterator[Line], waiting: list[Line]) -> Iterator[Line]:
    """Yield lines up to the one that closes an open quote, taking the lines that are `waiting` first."""
    size = 0
    for _ in range(MOST_LINES):
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        yield line
        size += len(line.text)
        if line.text.count('"') % 2 or line.refused is not None or size > LONGEST_LINE:
            return


def _record(lines: Sequence[Line], separator: str) -> Record:
    place = f"line {lines[0].number}"
    try:
        if refused := next((line.refused for line in lines if line.refused is not None), None):
            raise refused
        text = "".join(line.text for line in lines)
        cells = [cell.strip() for cell in next(csv.reader([text], strict=True, delimiter=separator))]
        return Record(place, cells, size=len(text))
    except Refused as refused:
        return Record(place, refused=refused)
    except csv.Error as error:
        return Record(place, refused=Refused.because(f"is not CSV: {error}; quote the cell, or use JSON lines"))


def cells_by_name(header: Sequence[str], record: Record) -> dict[str, str]:
    """Return the filled cells by column name; raise Refused if the record does not have one cell per column."""
    if len(record.cells) != len(header):
        raise Refused.because(
            f"has {len(record.cells)} cells where the header has {len(header)}; quote cells that hold commas"
        )
    return {name: cell for name, cell in zip(header, record.cells, strict=True) if cell}


def number(cell: str) -> float | str:
    """Return a cell as a number; other text stays text, to be refused by the parser of its field.

    >>> number("1e-3"), number("nan"), number("1_000"), number("1e999")
    (0.001, 'nan', '1_000', inf)
    """
    return float(cell) if _NUMBER.fullmatch(cell) else cell
