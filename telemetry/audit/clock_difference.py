"""The difference between this process's clock and the database's, which refuses times that are seconds off."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection

NOTICEABLE_SECONDS = 1.0  # the database refuses what is 5 s off (`refuse_other_time`)


def clock_difference() -> float:
    """Return by how many seconds this process's clock is ahead of the database's; negative where it is behind.

    It is the least that the answer proves, because the time the question takes is not known: 0 where the database's
    time lies between asking and answer.
    """
    before = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    after = datetime.now(UTC)
    nearest = min(max(there, before), after)
    return (nearest - there).total_seconds()
