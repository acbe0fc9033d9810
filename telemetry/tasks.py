"""Celery tasks of telemetry, one call each; the schedule is in `config.celery`.

A message chooses which work is done, never its time: every task takes that from `moment_of_task`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from celery import current_task, shared_task
from django.db import InterfaceError, OperationalError, connection

from telemetry.audit.simulated_time import simulated_time
from telemetry.audit.verify_trail import verify_nightly
from telemetry.decisions.attribute_trades import attribute_due
from telemetry.decisions.retirement import retire_old_decisions
from telemetry.foundation.core.fields import named
from telemetry.foundation.core.fields import parse_moment as read_moment
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.job_runs import forget_runs, run_in_parts, run_once
from telemetry.foundation.outbox import send_outbox
from telemetry.recording.intake import receive_trades
from telemetry.recording.record_trades import Receipt

MONTHS_AHEAD = 4

logger = structlog.get_logger(__name__)


def moment_of_task(now: str | None) -> datetime:
    """Return the time a task works at: the present, because whoever writes to the queue must not choose another.

    The message's `now` (ISO text with an offset, else Refused) counts only while the owner of the database allows
    simulated time; otherwise it is ignored with a warning.
    """
    if now is None:
        return datetime.now(UTC)
    if simulated_time() is not None:
        return named(read_moment, now, "now")
    task = current_task.name if current_task else None
    logger.warning("time of a message ignored: time is not simulated", task=task, time=str(now)[:100])
    return datetime.now(UTC)


@shared_task(
    name="telemetry.record",
    autoretry_for=(OperationalError, InterfaceError),  # database unreachable: the trades are stored nowhere else
    retry_backoff=2,
    retry_backoff_max=60,
    max_retries=None,
)
def record_task(*, trades: list[object], now: str | None = None, **_: object) -> None:
    """Record trades sent through the queue. A refusal fails the task and names the field; the others are recorded.

    This is open on purpose to whoever may write to the queue: it takes trades without a key, as a bot beside the queue
    sends them. The queue's password is what guards it.
    """
    raise_refusals(receive_trades(trades, now=moment_of_task(now)))


@shared_task(name="telemetry.attribute")
def attribute_task(*, now: str | None = None, **_: object) -> None:
    """Attribute closed trades whose decisions are stored, and again those whose decisions were stored late."""
    at = moment_of_task(now)
    run_in_parts("attribute", now=at, every=timedelta(minutes=5), work=lambda: attribute_due(now=at))


@shared_task(
    name="telemetry.attribute_soon",
    autoretry_for=(OperationalError, InterfaceError),  # the beat would do it minutes after it is back
    retry_backoff=2,
    max_retries=5,
)
def attribute_soon_task(*, now: str | None = None, **_: object) -> None:
    """Attribute between two beats, right after trades were recorded; a second delivery finds nothing to do."""
    attribute_due(now=moment_of_task(now), looks_back=False)


@shared_task(name="telemetry.send_outbox")
def send_outbox_task(*, now: str | None = None, **_: object) -> None:
    """Send the tasks that the queue could not take when they were requested."""
    at = moment_of_task(now)
    run_once("send outbox", now=at, every=timedelta(minutes=1), work=lambda: send_outbox(now=at))


@shared_task(name="telemetry.verify_audit")
def verify_audit_task(*, now: str | None = None, **_: object) -> None:
    """Verify the audit trail; what does not verify fails the run, names the row and raises an alarm."""
    verify_nightly(now=moment_of_task(now))


@shared_task(name="telemetry.extend_partitions")
def extend_partitions_task(*, now: str | None = None, **_: object) -> None:
    """Create the decision partitions of the coming months."""
    at = moment_of_task(now)
    run_once("decision partitions", now=at, every=timedelta(days=1), work=lambda: _extend(at))


@shared_task(name="telemetry.retire_decisions")
def retire_decisions_task(*, now: str | None = None, **_: object) -> None:
    """Retire the months of decisions that are older than the policies in force keep them."""
    at = moment_of_task(now)
    run_in_parts("retire decisions", now=at, every=timedelta(days=1), work=lambda: retire_old_decisions(now=at))


@shared_task(name="telemetry.forget_runs")
def forget_runs_task(*, now: str | None = None, **_: object) -> None:
    """Delete old job runs."""
    at = moment_of_task(now)
    run_once("forget runs", now=at, every=timedelta(days=1), work=lambda: forget_runs(now=at))


def raise_refusals(receipts: list[Receipt]) -> None:
    """Raise the refusals of all receipts together; do nothing if there are none."""
    refusals = [refusal for receipt in receipts for refusal in receipt.refusals]
    if refusals:
        raise Refused(*refusals)


def _extend(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extend_decision_partitions(%s, %s)", [at, MONTHS_AHEAD])
        made: int = cursor.fetchone()[0]
    return made
