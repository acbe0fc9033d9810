"""Strict readers of JSON values. Each raises FieldError, which says where the value is and what is wrong with it.

`field` is the path that the error gives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from .field_error import FieldError

LARGEST = 1e9  # of any number in a document; keeps every sum and product finite
SMALLEST = 1 / LARGEST  # of any number that something is divided by, for the same reason
REFUSED = re.compile("[\0\ud800-\udfff]")  # what a database or a hash does not accept in text
_PLAIN = re.compile("[A-Za-z0-9_-]{1,60}")


def closed_mapping(value: object, field: str, allowed: Collection[str] | None = None) -> Mapping[str, Any]:
    """Return a mapping with text keys, all of them `allowed` if a set of names is given.

    >>> closed_mapping({"colour": 1}, "stats", {"n"})
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: stats.colour: unknown name; known are n
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FieldError(field, "must be an object with text keys")
    if allowed is not None:
        for key in value:
            if key not in allowed:
                known = f"known are {', '.join(sorted(allowed))}"
                # A key from outside may hold anything: only a plain one can be a step of a path.
                if _PLAIN.fullmatch(key):
                    raise FieldError(f"{field}.{key}", f"unknown name; {known}")
                raise FieldError(field, f"{key!r:.40} is unknown; {known}")
    return value


@contextmanager
def within(place: str) -> Iterator[None]:
    """Put `place` before the path of every FieldError that is raised inside.

    >>> with within("lessons"):
    ...     finite("3", "edge_min")
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: lessons.edge_min: '3' is not a number; state a number
    """
    try:
        yield
    except FieldError as error:
        raise error.under(place) from error


def required(document: Mapping[str, Any], key: str, place: str = "") -> Any:
    """Return the value of a required key; `place` is the path of the document.

    >>> required({"n": 3}, "variance", "stats")
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: stats.variance: missing; state it
    """
    if key not in document:
        raise FieldError(f"{place}.{key}" if place else key, "missing; state it")
    return document[key]


def finite(value: object, field: str, low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a finite number within [low, high]; booleans and text are refused, -0.0 becomes 0.0.

    >>> finite(float("nan"), "stats.n")
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: stats.n: nan is not finite; state a number
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(field, f"{value!r:.40} is not a number; state a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise FieldError(field, f"{value!r} is not finite; state a number")
    if not low <= value <= high:  # before any conversion: an integer may be too large for a float, or for repr
        raise FieldError(field, f"must be {low:g} to {high:g}")
    return float(value) + 0.0


def positive(value: object, field: str, high: float = LARGEST) -> float:
    """Return a finite number above zero, at least 1e-9, so that nothing divided by it overflows.

    >>> positive(0, "stats.half_life_days")
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: stats.half_life_days: must be 1e-09 to 1e+09
    """
    return finite(value, field, SMALLEST, high)


def whole(value: object, field: str, low: int, high: int = 10**9) -> int:
    """Return an integer within [low, high]; 3.0 becomes 3."""
    number = finite(value, field, low, high)
    if number != int(number):
        raise FieldError(field, f"{value!r} is not a whole number")
    return int(number)


def text(value: object, field: str, longest: int = 200) -> str:
    """Return non-empty text that a database and a hash accept: no NUL, no lone surrogates."""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise FieldError(field, f"must be text of 1 to {longest} characters")
    if REFUSED.search(value):
        raise FieldError(field, "contains NUL or a lone surrogate; remove it")
    return value


def instant(value: object, field: str) -> datetime:
    """Return an aware time, given as ISO 8601 text or a datetime, in UTC.

    >>> instant("2025-01-11T01:00:00+01:00", "at").isoformat()
    '2025-01-11T00:00:00+00:00'
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(field, f"{value!r:.40} is not a time; write 2025-01-11T00:00:00Z") from None
    if not isinstance(value, datetime):
        raise FieldError(field, "must be a time such as 2025-01-11T00:00:00Z")
    if value.utcoffset() is None:
        raise FieldError(field, "has no time zone; add Z")
    if not 2000 <= value.year <= 2100:
        raise FieldError(field, f"year {value.year} is outside 2000 to 2100")
    return value.astimezone(UTC)


def instant_text(value: datetime) -> str:
    """Return a time as text in UTC with a Z, and with microseconds only if there are any.

    >>> instant_text(datetime(2025, 1, 11, tzinfo=UTC))
    '2025-01-11T00:00:00Z'
    """
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def one_of(value: object, field: str, names: Collection[str]) -> str:
    """Return one of a closed set of names.

    >>> one_of("magic", "module", ("dm", "pm"))
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: module: 'magic' is unknown; known are dm, pm
    """
    if not isinstance(value, str) or value not in names:
        raise FieldError(field, f"{value!r:.40} is unknown; known are {', '.join(names)}")
    return value
