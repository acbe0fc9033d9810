"""Tables out as CSV that a spreadsheet shows and does not run.

A text that a spreadsheet would read as a formula gets an apostrophe in front (OWASP, CSV injection); numbers stay
numbers, negative ones too, and the import takes the apostrophe off again. What has no cell of its own is JSON text,
what is missing is empty.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

WIDE = "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
_FORMULA = re.compile(rf"'*[=+\-@\t\r\n{WIDE}]")
TOGETHER = 200  # rows of one piece


def cell(value: object) -> object:
    """A value as its cell.

    >>> cell("=1+1"), cell(-0.5), cell({"bucket": "micro"}), cell(None)
    ("'=1+1", -0.5, '{"bucket":"micro"}', '')
    """
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return guarded(value) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """Text as a spreadsheet shows it and never computes it; `unguarded` gives back exactly what went in.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("BTC/USDT"), guarded("it's")
    ("'=1+1", "''=1+1", 'BTC/USDT', "it's")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """
    >>> unguarded(guarded("=1+1")), unguarded("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A header and a line per row, in pieces as they are made."""
    remaining = iter(rows)
    yield _lines([columns])
    while piece := list(islice(remaining, TOGETHER)):
        yield _lines([cell(row.get(column)) for column in columns] for row in piece)


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
