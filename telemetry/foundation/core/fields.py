"""Strict readers of single JSON values: each takes a value as received and returns it parsed, or raises `Refused`.

A reader never guesses: no number from text, no boolean as a number, no naive time. NaN, infinity (what JSON's `1e999`
becomes), NUL and lone surrogates are refused here, before a database sees them. Objects and lists: `objects.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from telemetry.foundation.core.refusal import Refused, shown

T = TypeVar("T")
E = TypeVar("E", bound=str)
Read = Callable[[Any], T]

LARGEST = 1e9
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def named(read: Read[T], value: object, field: str) -> T:
    """Return `read(value)`; raise its Refused with every path below `field`."""
    try:
        return read(value)
    except Refused as refused:
        raise refused.under(field) from None


def finite(value: object) -> float:
    """Return a number within ±1e9 as a float; -0.0 becomes 0.0, so that equal numbers have equal text. Raises Refused.

    >>> finite(3), finite(-0.0)
    (3.0, 0.0)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused.because(f"{shown(value)} is not a number; send a JSON number")
    if not -LARGEST <= value <= LARGEST:
        raise Refused.because(f"{shown(value)} is out of range; send a finite number between -1e9 and 1e9")
    return float(value) + 0.0


def share(value: object) -> float:
    """Return a share of a whole, in (0, 1]. Raises Refused."""
    number = finite(value)
    if not 0 < number <= 1:
        raise Refused.because(f"{shown(value)} is not a share; send a number above 0 and at most 1")
    return number


def integer(low: int, high: int) -> Read[int]:
    """Return a reader of whole numbers in [low, high]; 2.0 counts as one, since JSON does not distinguish it from 2."""

    def read(value: object) -> int:
        number = finite(value)
        if not number.is_integer() or not low <= number <= high:
            raise Refused.because(f"{shown(value)} does not fit; send a whole number from {low} to {high}")
        return int(number)

    return read


def text(longest: int) -> Read[str]:
    """Return a reader of text of 1 to `longest` characters without spaces at its ends, storable as UTF-8."""

    def read(value: object) -> str:
        found = storable(value)
        if not found or len(found) > longest:
            raise Refused.because(f"has {len(found)} characters; send 1 to {longest}")
        if found != found.strip():
            raise Refused.because(f"{shown(found)} begins or ends with a space; strip it")
        return found

    return read


def storable(value: object) -> str:
    """Return text that a database can store; raise Refused for a NUL or a lone surrogate."""
    if not isinstance(value, str):
        raise Refused.because(f"{shown(value)} is not text; send a JSON string")
    if "\0" in value:
        raise Refused.because("holds a NUL character; remove it")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refused.because("holds a lone surrogate; send valid Unicode text") from None
    return value


def matching(pattern: str, advice: str) -> Read[str]:
    """Return a reader of text that matches the whole pattern; `advice` says in words what to send."""
    fits = re.compile(pattern).fullmatch

    def read(value: object) -> str:
        if not isinstance(value, str) or fits(value) is None:
            raise Refused.because(f"{shown(value)} does not fit; send {advice}")
        return value

    return read


def member(vocabulary: Iterable[E]) -> Read[E]:
    """Return a reader of one word of a closed vocabulary: an enum of words, or some of its members."""
    words = {str(each): each for each in vocabulary}

    def read(value: object) -> E:
        found = words.get(value) if isinstance(value, str) else None
        if found is None:
            raise Refused.because(f"{shown(value)} is unknown; send one of {', '.join(words)}")
        return found

    return read


def parse_moment(value: object) -> datetime:
    """Return a time with an offset as UTC: ISO 8601 text or a datetime, in the years 2000 to 2099. Raises Refused.

    >>> parse_moment("2024-05-01T12:00:00+02:00").isoformat()
    '2024-05-01T10:00:00+00:00'
    """
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    if not isinstance(at, datetime):
        raise Refused.because(f"{shown(value)} is not a time; send ISO 8601 text such as 2024-05-01T12:00:00Z")
    if at.utcoffset() is None:
        raise Refused.because(f"'{at}' names no time zone; end it with Z or an offset such as +02:00")
    if not EARLIEST <= at < LATEST:
        raise Refused.because(f"'{at}' is out of range; send a time in the years 2000 to 2099")
    return at.astimezone(UTC)


def identifier(value: object) -> str:
    """Return a UUID as canonical text, five groups of lower-case hexadecimal digits. Raises Refused."""
    if isinstance(value, UUID):
        return str(value)
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise Refused.because(f"{shown(value)} is not a UUID; send text such as 018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f")
    return value.lower()
