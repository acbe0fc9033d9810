"""Celery task of reports; the beat table in `config.celery` schedules it."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from config.reports.weekly.compose import report_last_week
from telemetry.foundation.job_runs import run_once
from telemetry.tasks import moment_of_task


@shared_task(name="reports.weekly_report")
def weekly_report_task(*, now: str | None = None, **_: object) -> None:
    """Make the report of the week that has ended, unless one is kept."""
    at = moment_of_task(now)
    run_once(
        "weekly report", now=at, every=timedelta(days=7), work=lambda: report_last_week(now=at), of_one_moment=True
    )
