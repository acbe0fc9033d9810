"""One call each; the beat table in `config.celery` says when."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from overrides.apply import apply_due, expire_requests
from telemetry.jobs import run_once
from telemetry.tasks import moment


@shared_task(name="overrides.publish_due")
def publish_due_task(*, now: str | None = None, **_: object) -> None:
    """Apply the requests whose time has come; close those that nobody decided in time."""
    at = moment(now)
    run_once(
        "publish due",
        now=at,
        every=timedelta(minutes=1),
        work=lambda: apply_due(now=at) + expire_requests(now=at),
    )
