"""Strict readers of free JSON documents, which are stored as received and never computed with."""

from __future__ import annotations

from math import isfinite

from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.fields import Read, storable
from telemetry.foundation.core.objects import mapping
from telemetry.foundation.core.refusal import Refused, shown

EXACT = 2**53  # the largest whole number that every JSON reader keeps exact


def small_document(*, deepest: int, largest: int) -> Read[dict[str, object]]:
    """Return a reader of free JSON objects of at most `deepest` levels and `largest` bytes of canonical text."""

    def read(value: object) -> dict[str, object]:
        document = {storable(key): plain(each, deepest - 1) for key, each in mapping(value).items()}
        if 4 * len(repr(document)) <= largest:  # never less than the exact size, and far cheaper
            return document
        if (size := len(fact_json(document).encode())) > largest:
            raise Refused.because(f"takes {size} bytes; send at most {largest}")
        return document

    return read


def plain(value: object, levels: int) -> object:
    """Return a copy of a JSON value with finite numbers, storable text and at most `levels` of nesting.

    Raises Refused, its path the value itself.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int) and -EXACT <= value <= EXACT:
        return int(value)
    if isinstance(value, float) and isfinite(value):
        return float(value) + 0.0
    if isinstance(value, (int, float)):
        raise Refused.because(f"holds {shown(value)}; send finite numbers, and whole ones beyond 2^53 as text")
    if not isinstance(value, (dict, list, tuple)):
        raise Refused.because(f"holds {shown(value)}; send JSON values only")
    if levels < 1:
        raise Refused.because("is nested too deep; flatten it")
    if isinstance(value, dict):
        return {storable(key): plain(each, levels - 1) for key, each in value.items()}
    return [plain(each, levels - 1) for each in value]
