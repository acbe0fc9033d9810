"""Lengths of time in words, as the desk shows them."""

from __future__ import annotations

from datetime import timedelta


def in_words(span: timedelta) -> str:
    """Return a length of time in its largest unit, to compare ages at a glance; negative lengths count as zero.

    >>> in_words(timedelta(hours=47, minutes=59)), in_words(timedelta(days=9)), in_words(timedelta(seconds=-5))
    ('47 h', '9 d', '0 min')
    """
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
