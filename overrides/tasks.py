"""One call each; the beat table in `config.celery` says when."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from overrides.review import expire_requests
from telemetry.jobs import run_once
from telemetry.tasks import moment


@shared_task(name="overrides.publish_due")
def publish_due_task(*, now: str | None = None, **_: object) -> None:
    """Close the requests that nobody decided in time."""
    at = moment(now)
    run_once("publish due", now=at, every=timedelta(minutes=1), work=lambda: expire_requests(now=at))
