"""Tables written as CSV that a spreadsheet shows and does not run.

Text that a spreadsheet would read as a formula gets an apostrophe in front (OWASP, CSV injection); numbers stay
numbers, negative ones too, and the import removes the apostrophe again. Lists and objects become JSON text, missing
values are empty.
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
BATCH = 200  # rows


def cell(value: object) -> object:
    """Return a value as a cell.

    >>> cell("=1+1"), cell(-0.5), cell({"bucket": "micro"}), cell(None)
    ("'=1+1", -0.5, '{"bucket":"micro"}', '')
    """
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return guarded(value) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """Return text that a spreadsheet shows and never computes; `unguarded` returns exactly the original.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("BTC/USDT"), guarded("it's")
    ("'=1+1", "''=1+1", 'BTC/USDT', "it's")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return text without the apostrophe that `guarded` adds.

    >>> unguarded(guarded("=1+1")), unguarded("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the header, then the lines of the rows in batches of 200."""
    remaining = iter(rows)
    yield _lines([columns])
    while batch := list(islice(remaining, BATCH)):
        yield _lines([cell(row.get(column)) for column in columns] for row in batch)


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
