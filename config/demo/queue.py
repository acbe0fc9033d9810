"""Work through the real queue: send a task and wait for the run row that it writes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from celery import current_app

from telemetry.foundation.job_runs import period_of
from telemetry.foundation.models import JobRun

WAIT = timedelta(minutes=5)
POLL_SECONDS = 0.02


class WorkerSilent(RuntimeError):
    """Raised if no worker finished the work in time."""


class WorkFailed(RuntimeError):
    """Raised if the worker reports an error."""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what is being done, and afterwards how long it took."""
    print(f"  {what} …", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        yield
    finally:
        print(f" {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def wait_for_worker(seconds: int = 60) -> None:
    """Wait until a worker answers. Raises WorkerSilent, which says how to start one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if current_app.control.ping(timeout=0.5):
            return
    raise WorkerSilent("no worker answers; start one with `celery -A config worker`, or run ./dev demo, which does")


def run_jobs(jobs: Sequence[tuple[str, str, timedelta, dict[str, Any]]], *, now: datetime) -> list[JobRun]:
    """Send (job, task, period length, arguments) to the queue in parallel and wait for their runs at `now`.

    A job whose run is already done is not sent, so a second demo changes nothing.
    """
    periods = {job: period_of(now, every) for job, _, every, _ in jobs}
    for job, task, _, arguments in jobs:
        if not JobRun.objects.filter(job=job, period=periods[job], status=JobRun.Status.DONE).exists():
            JobRun.objects.filter(job=job, period=periods[job]).delete()
            current_app.send_task(task, kwargs=arguments | {"now": now.isoformat()})
    return [_wait_for_run(job, period) for job, period in periods.items()]


def wait_until(is_done: Callable[[], bool], what: str) -> None:
    """Wait until `is_done` returns True. Raises WorkerSilent after five minutes."""
    deadline = time.monotonic() + WAIT.total_seconds()
    while not is_done():
        if time.monotonic() > deadline:
            raise WorkerSilent(f"{what} did not finish within {WAIT}; look at the worker's log")
        time.sleep(POLL_SECONDS)


def _wait_for_run(job: str, period: str) -> JobRun:
    wait_until(lambda: JobRun.objects.filter(job=job, period=period).exists(), job)
    run = JobRun.objects.get(job=job, period=period)
    if run.status == JobRun.Status.FAILED:
        raise WorkFailed(f"{job} at {period} failed:\n{run.error}")
    return run
