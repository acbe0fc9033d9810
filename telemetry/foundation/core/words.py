"""Numbers and times as words of a sentence."""

from __future__ import annotations

from datetime import UTC, datetime


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1.

    >>> count_of(1, "line"), count_of(1200, "line")
    ('1 line', '1,200 lines')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment_of(at: datetime) -> str:
    """Return a time in UTC to the minute, with its zone.

    >>> moment_of(datetime(2026, 3, 2, 12, 30, tzinfo=UTC))
    '2026-03-02 12:30 UTC'
    """
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters (> 0); what was cut off is marked.

    >>> shortened("abcde", 5), shortened("abcdef", 5)
    ('abcde', 'abcd\N{HORIZONTAL ELLIPSIS}')
    """
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
