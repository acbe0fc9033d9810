"""The one form in which times are shown to people: to the minute, with their zone."""

from __future__ import annotations

from datetime import UTC, datetime

FORM = "%Y-%m-%d %H:%M UTC"


def moment_text(at: datetime) -> str:
    """Return a time in UTC, to the minute.

    >>> moment_text(datetime(2026, 11, 27, 9, 5, 59, tzinfo=UTC))
    '2026-11-27 09:05 UTC'
    """
    return at.astimezone(UTC).strftime(FORM)
