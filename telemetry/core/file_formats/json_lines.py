"""JSON lines: one trade to a line, in the shape that the API takes and `export trades` writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.strict_json import parse_json
from telemetry.core.file_formats.text_lines import Line
from telemetry.foundation.core.refusal import Refused


def read_json_lines(lines: Iterable[Line], defaults: Defaults) -> Iterator[Row]:
    """A row per line that is not blank."""
    for line in lines:
        place = f"line {line.number}"
        if line.refused is not None:
            yield Row.refused(place, line.refused)
        elif line.text.strip():
            try:
                yield Row(place, with_defaults(parse_json(line.text), defaults), size=len(line.text))
            except Refused as refused:
                yield Row.refused(place, refused)


def with_defaults(payload: object, defaults: Defaults) -> object:
    """The payload with a book and a source, if it names none."""
    if not isinstance(payload, dict):
        return payload
    found = dict(payload)
    if found.get("book") is None:
        found["book"] = defaults.book
    if found.get("source") is None:
        found["source"] = defaults.source
    return found
