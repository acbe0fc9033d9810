"""Tables out as CSV that a spreadsheet shows and does not run.

A text that a spreadsheet would read as a formula gets an apostrophe in front (OWASP, CSV injection); numbers stay
numbers, negative ones too. What has no cell of its own is JSON text, what is missing is empty.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
                  "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
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
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


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
