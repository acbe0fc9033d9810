"""Scheduled verbs run once a period, whoever delivers them how often (design 10)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from telemetry.foundation.models import JobRun

KEPT = timedelta(days=30)
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"


def period_of(now: datetime, every: timedelta) -> str:
    """The start of the period that `now` lies in, e.g. 2026-01-01T00:05:00+00:00 for every five minutes."""
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC).isoformat()


def run_once(
    job: str,
    *,
    now: datetime,
    every: timedelta,
    work: Callable[[], int],
    refusals: tuple[type[Exception], ...] = (),
) -> JobRun | None:
    """Do `work` (it returns the rows it touched) unless this period's run is done or in progress elsewhere.

    The run row is written in the transaction of the work, under an advisory lock that dies with its holder: a killed
    worker leaves neither, a second delivery finds one of them. A failure, running out of time included, is recorded
    and raised; the period stays free. One of the `refusals` is advice to a person and no fault of the work: it is
    recorded in its own words, and not raised.
    """
    period = period_of(now, every)
    started_at = datetime.now(UTC)
    try:
        with transaction.atomic():
            if not _take(job) or JobRun.objects.filter(job=job, period=period, status="done").exists():
                return None
            rows = work()
            told = _told(JobRun.Status.DONE, started_at, rows=rows)
            return JobRun.objects.update_or_create(job=job, period=period, defaults=told)[0]
    except refusals as refused:
        return _write_failure(job, period, started_at, str(refused))
    except Exception:
        _write_failure(job, period, started_at, traceback.format_exc(limit=20))
        raise


def forget_runs(*, now: datetime) -> int:
    """Remove the runs that ended more than KEPT ago, some four thousand of every day; the number removed."""
    return JobRun.objects.filter(finished_at__lt=now - KEPT).delete()[0]


def _take(job: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"job {job}"])
        taken: bool = cursor.fetchone()[0]
    return taken


def _write_failure(job: str, period: str, started_at: datetime, error: str) -> JobRun:
    """Unless another delivery has done the work meanwhile."""
    told = _told(JobRun.Status.FAILED, started_at, error=error)
    run, is_new = JobRun.objects.get_or_create(job=job, period=period, defaults=told)
    if not is_new:
        JobRun.objects.filter(pk=run.pk).exclude(status=JobRun.Status.DONE).update(**told)
        run.refresh_from_db()
    return run


def _told(status: str, started_at: datetime, *, rows: int = 0, error: str = "") -> dict[str, Any]:
    finished_at = datetime.now(UTC)
    return {"status": status, "started_at": started_at, "finished_at": finished_at, "rows": rows, "error": error}
