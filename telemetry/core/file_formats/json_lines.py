"""JSON lines: one trade per line, in the format that the API takes and `export trades` writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telemetry.core.file_formats.file_rows import Defaults, Row
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
                yield Row(place, with_defaults(parse_json(line.text), defaults), size=len(line.text))
            except Refused as refused:
                yield Row.refused(place, refused)


def with_defaults(payload: object, defaults: Defaults) -> object:
    """Return the payload with the default book and source where it names none."""
    if not isinstance(payload, dict):
        return payload
    filled = dict(payload)
    if filled.get("book") is None:
        filled["book"] = defaults.book
    if filled.get("source") is None:
        filled["source"] = defaults.source
    return filled
