"""Scopes: the situation of an action, as dimension -> value in short strings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from telemetry.foundation.core.fields import finite, matching, storable
from telemetry.foundation.core.objects import mapping
from telemetry.foundation.core.refusal import Refusal, Refused, label, shown

MOST_DIMENSIONS = 40
LONGEST_VALUE = 64

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,15})\.[0-9]{1,16}", re.ASCII)
_RECEIVED = 200  # the most keys accepted before empty ones are dropped


def read_scope(value: object) -> dict[str, str]:
    """Return the scope as short strings sorted by dimension. Raises Refused that names every wrong dimension.

    Text is stripped; true and false become words; whole numbers lose their `.0`, other numbers keep their repr. Null,
    empty text and `Unknown` (in any case) carry no information and are dropped. Nested values are refused.

    >>> read_scope({"rank": 1.0, "bucket": "micro", "leader": True, "meso_phase": "Unknown", "x": None})
    {'bucket': 'micro', 'leader': 'true', 'rank': '1'}
    """
    values = mapping(value)
    if len(values) > _RECEIVED:
        raise Refused.because(f"has {len(values)} dimensions; send at most {MOST_DIMENSIONS}")
    scope: dict[str, str] = {}
    refusals: list[Refusal] = []
    for key, each in values.items():
        try:
            dimension, word = _dimension(key), _text(each) if isinstance(each, str) else _word(each)
        except Refused as refused:
            refusals.extend(refused.under(label(key)).refusals)
            continue
        if word:
            scope[dimension] = word
    if len(scope) > MOST_DIMENSIONS:
        refusals.append(Refusal("", f"has {len(scope)} dimensions; send at most {MOST_DIMENSIONS}"))
    if refusals:
        raise Refused(*refusals)
    return {dimension: scope[dimension] for dimension in sorted(scope)}


def scope_text(scope: Mapping[str, str]) -> str:
    """Return a scope in words, its dimensions in order of their names.

    >>> scope_text({"timeframe": "4h", "bucket": "micro"}), scope_text({})
    ('bucket=micro, timeframe=4h', 'everything')
    """
    return ", ".join(f"{dimension}={value}" for dimension, value in sorted(scope.items())) or "everything"


def typed_value(text: str) -> object:
    """Return text from a table or a form as the value that JSON would carry; other text is a value as it stands.

    >>> typed_value("True"), typed_value("1.0"), typed_value("1.5.2"), typed_value("micro")
    (True, 1.0, '1.5.2', 'micro')
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return float(text) if _DECIMAL.fullmatch(text) else text


def _word(value: object) -> str:
    """Return a number, a boolean or null as a short string; empty for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        number = finite(value)
        return str(int(number)) if number.is_integer() else repr(number)
    raise Refused.because(f"{shown(value)} is not a plain value; send text, a number or a boolean")


@lru_cache(maxsize=16_384)
def _text(value: str) -> str:
    """Return text as a scope stores it; cached, since a history of trades repeats few values very often."""
    if len(value) > LONGEST_VALUE:
        raise Refused.because(f"has {len(value)} characters; send at most {LONGEST_VALUE}")
    text = storable(value).strip()
    return "" if text.lower() == "unknown" else text


_dimension = lru_cache(maxsize=1024)(
    matching("[A-Za-z][A-Za-z0-9_]{0,39}", "a dimension of 1 to 40 letters, digits or _, beginning with a letter")
)
