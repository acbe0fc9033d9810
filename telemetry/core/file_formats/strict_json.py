"""JSON as the standard has it: no NaN, no infinity, no key twice, bounded depth."""

from __future__ import annotations

import json
from typing import Any

from telemetry.foundation.core.refusal import Refused, shown


def parse_json(text: str) -> Any:
    """The value of one JSON document, or `Refused`. `1e999` becomes infinity, which the reader of its field refuses.

    >>> parse_json('{"rr": 1, "rr": 2}')
    Traceback (most recent call last):
    telemetry.core.refusal.Refused: the key 'rr' appears twice in one object; send it once
    """
    try:
        return _DECODER.decode(text)
    except Refused:
        raise
    except RecursionError:
        raise Refused.because("the JSON is nested too deep; flatten it") from None
    except ValueError as error:
        told = str(error).partition(";")[0]  # Python's advice after it is for programmers
        raise Refused.because(f"is not JSON: {told}; write one JSON document") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that comes twice would silently lose one of its values."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Refused.because(f"the key {shown(twice)} appears twice in one object; send it once")
    return found


def _no_constant(name: str) -> float:
    raise Refused.because(f"{name} is not JSON; send a finite number or leave the field out")


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique_keys)
