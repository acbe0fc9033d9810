"""Whether each job of the beat table succeeds as often as scheduled, and whether its last run succeeded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from celery.schedules import crontab
from django.db import connection

from config.celery import BEAT
from telemetry.foundation.models import JobRun

DAY_SECONDS = 86_400.0
GRACE_SECONDS = 60.0

SCHEDULER = "scheduler"  # the run that beat records whenever it starts

# A job is measured from its last success, but not from before beat first started; one that never ran, also from the
# last migration, which may have brought it. Later starts of beat do not count: they would hide what is late.
LATEST = """
SELECT listed.job, latest.finished_at, run.status,
    CASE WHEN latest.finished_at IS NULL
        THEN greatest(beat.first, (SELECT max(applied) FROM django_migrations))
        ELSE greatest(beat.first, latest.finished_at)
    END, beat.last
FROM (SELECT min(started_at) AS first, max(started_at) AS last FROM telemetry_jobrun WHERE job = %s) AS beat,
    unnest(%s::text[]) AS listed (job)
LEFT JOIN LATERAL (
    SELECT finished_at FROM telemetry_jobrun
    WHERE job = listed.job AND status = 'done' ORDER BY period DESC LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT status FROM telemetry_jobrun WHERE job = listed.job ORDER BY period DESC LIMIT 1
) AS run ON true
"""


@dataclass(frozen=True)
class Schedule:
    """The state of each job, and the last sign of whoever runs them: a job's success, or a start of beat."""

    jobs: dict[str, Punctuality]
    last_sign: datetime | None

    def is_run(self, now: datetime) -> bool:
        """Return whether somebody runs the jobs: the last sign is no older than the most frequent job allows."""
        allowed = 2 * min(job["period_seconds"] for job in self.jobs.values()) + GRACE_SECONDS
        return self.last_sign is not None and (now - self.last_sign).total_seconds() <= allowed


class Punctuality(TypedDict):
    """The state of one job: ok, late or failed."""

    status: str
    seconds_since_success: float | None
    period_seconds: float


def punctuality(*, now: datetime) -> dict[str, Punctuality]:
    """Return the state of each job: `failed` if its last run failed, `late` after more than two periods."""
    return schedule(now=now).jobs


def schedule(*, now: datetime) -> Schedule:
    """Return the state of each job as `punctuality` does, and when there was the last sign of whoever runs them."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [SCHEDULER, list(BEAT)])
        rows = cursor.fetchall()
    jobs = {
        job: _state_of(period_seconds(BEAT[job]["schedule"]), succeeded_at, since, last_status, now)
        for job, succeeded_at, last_status, since, _ in rows
    }
    signs = [at for _, succeeded_at, _, _, started_at in rows for at in (succeeded_at, started_at) if at is not None]
    return Schedule(jobs, max(signs, default=None))


def record_start(*, now: datetime) -> None:
    """Record that beat starts."""
    JobRun.objects.create(
        job=SCHEDULER, period=now.isoformat(), status=JobRun.Status.DONE, started_at=now, finished_at=now
    )


def period_seconds(schedule: crontab | float) -> float:
    """Return the seconds between two runs of a schedule: a number, or a crontab with times spread over the week."""
    if isinstance(schedule, crontab):
        hours, minutes, days = (vars(schedule)[name] for name in ("hour", "minute", "day_of_week"))  # untyped there
        return 7 * DAY_SECONDS / (len(hours) * len(minutes) * len(days))
    return float(schedule)


def _state_of(
    period: float, succeeded_at: datetime | None, since: datetime, last_status: str | None, now: datetime
) -> Punctuality:
    """Return the state of one job; `since` is when its time began to count."""
    is_late = (now - since).total_seconds() > 2 * period + GRACE_SECONDS
    age = None if succeeded_at is None else (now - succeeded_at).total_seconds()
    return {
        "status": "failed" if last_status == "failed" else "late" if is_late else "ok",
        "seconds_since_success": None if age is None else round(age, 1),
        "period_seconds": period,
    }
