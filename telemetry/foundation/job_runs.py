"""Run scheduled verbs once per period, no matter how often they are delivered (docs/design.md 19)."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from telemetry.foundation.models import JobRun
from telemetry.foundation.snapshot import one_snapshot

RETENTION = timedelta(days=30)
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"


@dataclass(frozen=True)
class Done:
    """What a run did: the number of rows, and what else its record says, by name."""

    rows: int
    detail: Mapping[str, Any] = field(default_factory=dict)


def period_of(now: datetime, every: timedelta) -> str:
    """Return the start of the period that contains `now`, e.g. 2026-01-01T00:05:00+00:00 for five minutes."""
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC).isoformat()


def run_once(
    job: str,
    *,
    now: datetime,
    every: timedelta,
    work: Callable[[], int | Done],
    refusals: tuple[type[Exception], ...] = (),
    of_one_moment: bool = False,
) -> JobRun | None:
    """Run `work` (it returns the number of rows, or `Done`) unless this period's run is done or in progress elsewhere.

    The run is recorded in the transaction of the work, under an advisory lock that ends with its holder: a killed
    worker leaves nothing behind, and a second delivery finds the lock or the record. A failure, including a timeout, is
    recorded and raised, and the period can be tried again. One of the `refusals` is advice to a person and no fault of
    the work: it is recorded in its own words and not raised. Work `of_one_moment` sees the database as it was when the
    run began (`snapshot`).
    """
    period = period_of(now, every)
    started_at = datetime.now(UTC)
    try:
        with one_snapshot() if of_one_moment else transaction.atomic():
            if not _take(job) or JobRun.objects.filter(job=job, period=period, status="done").exists():
                return None
            done = work()
            done = done if isinstance(done, Done) else Done(done)
            fields = _run_fields(JobRun.Status.DONE, started_at, rows=done.rows, detail=done.detail)
            return JobRun.objects.update_or_create(job=job, period=period, defaults=fields)[0]
    except refusals as refused:
        return _write_failure(job, period, started_at, str(refused))
    except Exception:
        _write_failure(job, period, started_at, traceback.format_exc(limit=20))
        raise


def run_in_parts(job: str, *, now: datetime, every: timedelta, work: Callable[[], int]) -> JobRun | None:
    """Do the same with work that commits its parts itself, so that a failure or a killed worker loses none before it.

    The lock belongs to the session and ends with it.
    """
    period = period_of(now, every)
    started_at = datetime.now(UTC)
    try:
        with _locked(job) as is_taken:
            if not is_taken or JobRun.objects.filter(job=job, period=period, status="done").exists():
                return None
            fields = _run_fields(JobRun.Status.DONE, started_at, rows=work())
            return JobRun.objects.update_or_create(job=job, period=period, defaults=fields)[0]
    except Exception:
        _write_failure(job, period, started_at, traceback.format_exc(limit=20))
        raise


def forget_runs(*, now: datetime) -> int:
    """Delete runs that finished more than RETENTION ago (about four thousand a day); return the number deleted."""
    return JobRun.objects.filter(finished_at__lt=now - RETENTION).delete()[0]


def _take(job: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"job {job}"])
        taken: bool = cursor.fetchone()[0]
    return taken


@contextmanager
def _locked(job: str) -> Iterator[bool]:
    """Hold the lock of a job without a transaction; yield whether it was free."""
    name = [f"job {job}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
        is_taken: bool = cursor.fetchone()[0]
    try:
        yield is_taken
    finally:
        if is_taken and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _write_failure(job: str, period: str, started_at: datetime, error: str) -> JobRun:
    """Record a failure, unless another delivery has done the work meanwhile."""
    fields = _run_fields(JobRun.Status.FAILED, started_at, error=error)
    run, is_new = JobRun.objects.get_or_create(job=job, period=period, defaults=fields)
    if not is_new:
        JobRun.objects.filter(pk=run.pk).exclude(status=JobRun.Status.DONE).update(**fields)
        run.refresh_from_db()
    return run


def _run_fields(
    status: str, started_at: datetime, *, rows: int = 0, error: str = "", detail: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the fields of a run that has just finished."""
    finished_at = datetime.now(UTC)
    fields = {"status": status, "started_at": started_at, "finished_at": finished_at, "rows": rows, "error": error}
    return {**fields, "detail": dict(detail or {})}
