"""Whether each job of the beat table has succeeded as often as it should."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from celery.schedules import crontab
from django.db import connection

from config.celery import BEAT

DAY_SECONDS = 86_400.0
GRACE_SECONDS = 60.0

# A job that never ran is measured from when it could have: the last migration.
LATEST = """
SELECT wanted.job, latest.finished_at, (SELECT max(applied) FROM django_migrations)
FROM unnest(%s::text[]) AS wanted (job)
LEFT JOIN LATERAL (
    SELECT finished_at FROM telemetry_jobrun
    WHERE job = wanted.job AND status = 'done' ORDER BY period DESC LIMIT 1
) AS latest ON true
"""


class Punctuality(TypedDict):
    status: str
    seconds_since_success: float | None
    period_seconds: float


def punctuality(*, now: datetime) -> dict[str, Punctuality]:
    """Per job: how long ago it last succeeded, and `late` where that is more than two periods ago."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [list(BEAT)])
        rows = cursor.fetchall()
    return {
        job: _judged(period_seconds(BEAT[job]["schedule"]), succeeded_at, since, now)
        for job, succeeded_at, since in rows
    }


def period_seconds(schedule: crontab | float) -> float:
    """Seconds between two runs of an entry: a number of them, or a crontab whose times are spread over the day."""
    if isinstance(schedule, crontab):
        hours, minutes = vars(schedule)["hour"], vars(schedule)["minute"]  # celery-types leaves them out
        return DAY_SECONDS / (len(hours) * len(minutes))
    return float(schedule)


def _judged(period: float, succeeded_at: datetime | None, since: datetime, now: datetime) -> Punctuality:
    age = (now - (succeeded_at or since)).total_seconds()
    return {
        "status": "late" if age > 2 * period + GRACE_SECONDS else "ok",
        "seconds_since_success": None if succeeded_at is None else round(age, 1),
        "period_seconds": period,
    }
