"""Celery tasks of access; the beat table in `config.celery` schedules them."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from config.access.logins import tidy
from telemetry.foundation.job_runs import run_once
from telemetry.tasks import moment_of_task


@shared_task(name="access.tidy_logins")
def tidy_logins_task(*, now: str | None = None, **_: object) -> None:
    """Delete expired failed logins and sessions."""
    at = moment_of_task(now)
    run_once("tidy logins", now=at, every=timedelta(days=1), work=lambda: tidy(now=at))
