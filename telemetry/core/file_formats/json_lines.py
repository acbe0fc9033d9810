"""JSON lines: one trade per line, in the format that the API takes and `export trades` writes; or freqtrade's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from telemetry.core.file_formats.file_rows import Defaults, Row, with_defaults
from telemetry.core.file_formats.freqtrade_files import is_trade, listed
from telemetry.core.file_formats.freqtrade_trade import read_trade
from telemetry.core.file_formats.strict_json import parse_json
from telemetry.core.file_formats.text_lines import Line
from telemetry.foundation.core.refusal import Refused


def read_json_lines(lines: Iterable[Line], defaults: Defaults) -> Iterator[Row]:
    """Yield one row per line that is not blank."""
    for line in lines:
        place = f"line {line.number}"
        if line.refused is not None:
            yield Row.refused(place, line.refused)
        elif line.text.strip():
            try:
                yield _row(place, line.text, defaults)
            except Refused as refused:
                yield Row.refused(place, refused)


def parse_trades(text: str, is_freqtrade: Callable[[object], bool]) -> Any:
    """Return a JSON document, which may hold NaN only if `is_freqtrade`. Raises Refused."""
    try:
        return parse_json(text)
    except Refused:
        document = parse_json(text, constants=True)
        if not is_freqtrade(document):
            raise
        return document


def _row(place: str, text: str, defaults: Defaults) -> Row:
    value = parse_trades(text, is_trade)
    if is_trade(value):
        return read_trade(place, value, listed(defaults), defaults, len(text))
    return Row(place, with_defaults(value, defaults), size=len(text))
