"""The spellings that exports use for nothing, for truth and for times; each reader takes all of them and guesses none.

PostgreSQL's COPY writes `t`, `f` and `\\N`, pandas `True`, `1.0`, `NaN` and `NaT`, sqlite and JSON `1` and `0`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from telemetry.foundation.core.fields import parse_moment
from telemetry.foundation.core.refusal import Refused, shown

NOTHING = frozenset({"", "nan", "nat", "none", "null", "<na>", "\\n"})  # in lower case
TRUTH: Mapping[str, bool] = MappingProxyType(
    dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True)
    | dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False)
)
_ZONE = re.compile(r"\s+(?=[+-]\d\d)|\s*(?:UTC|GMT)$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_SECONDS, _END_MS = 4_102_444_800, 4_102_444_800_000  # 2100-01-01; later ones fail in arithmetic
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


def is_nothing(value: object) -> bool:
    """Return whether an export says with this value that it has none.

    >>> [is_nothing(each) for each in (None, float("nan"), "NaT", " ", 0, "0", False)]
    [True, True, True, True, False, False, False]
    """
    if isinstance(value, str):
        return value.strip().lower() in NOTHING
    return value is None or (isinstance(value, float) and value != value)


def truth(value: object) -> bool:
    """Return a truth value in any of its spellings; raise Refused for every other value.

    >>> truth("T"), truth(0.0), truth("1.0"), truth(True)
    (True, False, True, True)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    found = TRUTH.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise Refused.because(f"{shown(value)} is neither true nor false; write true or false")
    return found


def moment(value: object) -> datetime:
    """Return a time as UTC from ISO 8601 text, a space allowed for its T and before its zone. Raises Refused.

    Text without a zone is in UTC, which freqtrade uses even where it does not say so.

    >>> moment("2026-03-01 10:00:00 +01:00").isoformat(), moment("2026-03-01T10:00:00.5").isoformat()
    ('2026-03-01T09:00:00+00:00', '2026-03-01T10:00:00.500000+00:00')
    """
    if isinstance(value, str):
        text = _ZONE.sub(lambda found: "" if not found[0].strip() else "+00:00", value.strip())
        try:
            at = datetime.fromisoformat(text)
            value = at.replace(tzinfo=UTC) if at.utcoffset() is None else at
        except ValueError:
            pass  # `parse_moment` refuses it with a better message
    return parse_moment(value)


def timestamp(value: object) -> datetime:
    """Return a time given in milliseconds or seconds since 1970, as a number or as text. Raises Refused.

    >>> timestamp(1772445600000) == timestamp("1772445600.0")
    True
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _END_MS:
        raise Refused.because("is no time; give milliseconds since 1970")
    seconds = value if value < _END_SECONDS else value / 1000
    return parse_moment(_EPOCH + timedelta(milliseconds=round(seconds * 1000)))
