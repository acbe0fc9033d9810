"""Parsers of freqtrade's values, under freqtrade's own field names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.fields import finite, named, parse_moment, storable
from telemetry.foundation.core.refusal import Refusal, Refused

LONGEST_PART = 40
_OTHER = re.compile("[^A-Za-z0-9_-]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_MS = 4_102_444_800_000  # 2100-01-01; later ones are refused before arithmetic on them can fail
_DAY, _HOUR = 24 * 60, 60


def pattern_part(value: object, otherwise: str = "") -> str:
    """Return a name as one part of a pattern key, `otherwise` if it is empty.

    A name over 40 characters is cut and ends with a hash, so that different names stay different.

    >>> pattern_part("ewo2 ", "entry"), pattern_part("13 15"), pattern_part(None, "entry"), pattern_part("a" * 50)
    ('ewo2', '13_15', 'entry', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_160b4e43')
    """
    name = str(value).strip() if value is not None else ""
    if len(name) <= LONGEST_PART:
        return _OTHER.sub("_", name) or otherwise
    fingerprint = sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{_OTHER.sub('_', name[: LONGEST_PART - 9])}_{fingerprint}"


def timeframe_word(value: object) -> object:
    """Return a timeframe in freqtrade's notation; its database stores minutes, other values are returned as they are.

    >>> timeframe_word("5m"), timeframe_word(15), timeframe_word("240"), timeframe_word(None)
    ('5m', '15m', '4h', None)
    """
    text = str(int(value)) if isinstance(value, (int, float)) and 0 < value < 1e9 else value
    if not isinstance(text, str) or not re.fullmatch("[0-9]{1,9}", text):
        return text
    minutes = int(text)
    if minutes % _HOUR:
        return f"{minutes}m"
    return f"{minutes // _HOUR}h" if minutes % _DAY else f"{minutes // _DAY}d"


def moment_in(values: Mapping[str, object], name: str) -> str:
    """Return a time as ISO text in UTC, which freqtrade uses even if it does not say so. Raises Refused."""
    value = values.get(name)
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
            value = at.replace(tzinfo=UTC) if at.utcoffset() is None else at
        except ValueError:
            pass  # `parse_moment` refuses it with a better message
    return utc_text(named(parse_moment, value, name))


def timestamp_in(values: Mapping[str, object], name: str) -> str:
    """Return a time given in milliseconds since 1970 as ISO text. Raises Refused."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _END_MS:
        raise Refused(Refusal(name, "is no time; give milliseconds since 1970"))
    return utc_text(_EPOCH + timedelta(milliseconds=value))


def number_in(values: Mapping[str, object], name: str) -> float:
    """Return a required finite number. Raises Refused."""
    if values.get(name) is None:
        raise Refused(
            Refusal(name, "missing; export the trades with it, or send them as JSON lines with an rr of yours")
        )
    return named(finite, values[name], name)


def text_in(values: Mapping[str, object], name: str, otherwise: str | None = None) -> str:
    """Return a required text, stripped; `otherwise` if it is missing or empty. Raises Refused."""
    value = values.get(name) or otherwise
    if value is None:
        raise Refused(Refusal(name, "missing; this field is required"))
    return named(storable, value, name).strip()
