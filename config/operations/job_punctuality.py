"""Whether each job of the beat table succeeds as often as scheduled, and whether its last run succeeded."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from celery.schedules import crontab
from django.db import connection

from config.celery import BEAT

DAY_SECONDS = 86_400.0
GRACE_SECONDS = 60.0

# A job that never ran is measured from the last migration, the earliest time it could have run.
LATEST = """
SELECT listed.job, latest.finished_at, (SELECT max(applied) FROM django_migrations), run.status
FROM unnest(%s::text[]) AS listed (job)
LEFT JOIN LATERAL (
    SELECT finished_at FROM telemetry_jobrun
    WHERE job = listed.job AND status = 'done' ORDER BY period DESC LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT status FROM telemetry_jobrun WHERE job = listed.job ORDER BY period DESC LIMIT 1
) AS run ON true
"""


class Punctuality(TypedDict):
    """The state of one job: ok, late or failed."""

    status: str
    seconds_since_success: float | None
    period_seconds: float


def punctuality(*, now: datetime) -> dict[str, Punctuality]:
    """Return the state of each job: `failed` if its last run failed, `late` after more than two periods."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [list(BEAT)])
        rows = cursor.fetchall()
    return {
        job: _state_of(period_seconds(BEAT[job]["schedule"]), succeeded_at, since, last_status, now)
        for job, succeeded_at, since, last_status in rows
    }


def period_seconds(schedule: crontab | float) -> float:
    """Return the seconds between two runs of a schedule: a number, or a crontab with times spread over the day."""
    if isinstance(schedule, crontab):
        hours, minutes = vars(schedule)["hour"], vars(schedule)["minute"]  # celery-types leaves them out
        return DAY_SECONDS / (len(hours) * len(minutes))
    return float(schedule)


def _state_of(
    period: float, succeeded_at: datetime | None, since: datetime, last_status: str | None, now: datetime
) -> Punctuality:
    """Return the state of one job."""
    age = (now - (succeeded_at or since)).total_seconds()
    is_late = age > 2 * period + GRACE_SECONDS
    return {
        "status": "failed" if last_status == "failed" else "late" if is_late else "ok",
        "seconds_since_success": None if succeeded_at is None else round(age, 1),
        "period_seconds": period,
    }
