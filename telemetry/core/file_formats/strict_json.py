"""Strict JSON: no NaN, no infinity, no duplicate keys, bounded depth; and the same with NaN, for files of freqtrade."""

from __future__ import annotations

import json
from typing import Any

from telemetry.foundation.core.refusal import Refused, shown


def parse_json(text: str, *, constants: bool = False) -> Any:
    """Return the value of one JSON document, or raise Refused.

    `1e999` becomes infinity, which its field's parser refuses. With `constants`, NaN and Infinity are numbers too:
    freqtrade writes them for prices that it never had, and the field that needs one refuses it.

    >>> parse_json('{"rr": 1, "rr": 2}')
    Traceback (most recent call last):
    telemetry.foundation.core.refusal.Refused: the key 'rr' appears twice in one object; send it once
    """
    try:
        return (_WITH_CONSTANTS if constants else _DECODER).decode(text)
    except Refused:
        raise
    except RecursionError:
        raise Refused.because("the JSON is nested too deep; flatten it") from None
    except ValueError as error:
        fault = str(error).partition(";")[0]  # the rest is Python's advice to programmers
        raise Refused.because(f"is not JSON: {fault}; write one JSON document") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's pairs as a dict; raise Refused on a duplicate key, whose first value would be lost."""
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Refused.because(f"the key {shown(twice)} appears twice in one object; send it once")
    return unique


def _no_constant(name: str) -> float:
    raise Refused.because(f"{name} is not JSON; send a finite number or leave the field out")


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique_keys)
_WITH_CONSTANTS = json.JSONDecoder(object_pairs_hook=_unique_keys)
