"""What PostgreSQL and the queue know, read when Prometheus asks: jobs, alarms, waiting work, and who confirmed what."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db import connection
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.operations.job_punctuality import punctuality
from config.operations.probe import Probe
from overrides.models import ServingConfirmation
from overrides.serving.confirmations import unconfirmed
from telemetry.audit.alarms import CHECKS, alarms
from telemetry.core.vocabulary import Module
from telemetry.foundation.models import OutboxMessage
from telemetry.models import DirtyGroup

PATIENCE_SECONDS = 2.0
TIMEOUT_SECONDS = 1.0


class DatabaseMetrics(Collector):
    """Gauges that every web process would answer alike. A server that does not answer in time is `up 0`."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of PostgreSQL and of the queue."""
        until = time.monotonic() + PATIENCE_SECONDS
        database, queues = POSTGRESQL.ask(), QUEUES.ask()
        for name, text, found in (
            ("database_up", "Whether PostgreSQL answered.", database(until)),
            ("queue_up", "Whether the queue answered.", queues(until)),
        ):
            yield _gauge(name, text, {(): float(found is not None)})
            yield from found or ()


def _gauge(name: str, text: str, values: Mapping[Any, float], labels: tuple[str, ...] = ()) -> Metric:
    """Return a family of gauges: tuple of label values -> number."""
    family = GaugeMetricFamily(f"counterweight_{name}", text, labels=labels)
    for named, value in values.items():
        family.add_metric(named, value)
    return family


def _read_postgresql() -> list[Metric]:
    """Read on a connection of its own."""
    try:
        return [*_jobs(), *_waiting(), _alarms(), _unconfirmed()]
    finally:
        connection.close()


def _jobs() -> Iterator[Metric]:
    """Yield the punctuality of each job. A job that never succeeded has no age."""
    jobs = punctuality(now=datetime.now(UTC))
    ages: dict[str, Any] = {name: job["seconds_since_success"] for name, job in jobs.items()}
    known = {(name,): float(age) for name, age in ages.items() if age is not None}
    yield _gauge("job_seconds_since_success", "Time since a job last succeeded.", known, ("name",))
    periods = {(name,): job["period_seconds"] for name, job in jobs.items()}
    yield _gauge("job_period_seconds", "Time between two runs of a job.", periods, ("name",))
    for status, text in (("failed", "Whether the last run of a job failed."), ("late", "Whether a job is late.")):
        states = {(name,): float(job["status"] == status) for name, job in jobs.items()}
        yield _gauge(f"job_{status}", text, states, ("name",))


def _waiting() -> Iterator[Metric]:
    messages = OutboxMessage.objects.filter(sent_at=None).count()
    yield _gauge("outbox_waiting", "Tasks that the queue has not taken yet.", {(): float(messages)})
    groups = DirtyGroup.objects.count()
    yield _gauge("groups_waiting", "Groups of trades with facts that are not aggregated yet.", {(): float(groups)})


def _alarms() -> Metric:
    standing = {alarm.check for alarm in alarms() if not alarm.is_acknowledged}
    values = {(check,): float(check in standing) for check in CHECKS}
    return _gauge("alarm_open", "Whether a nightly check found something that nobody acknowledged.", values, ("check",))


def _unconfirmed() -> Metric:
    """Count those who do not serve the newest version and mode of a module: for a moment after each change, all."""
    now = datetime.now(UTC)
    kinds = ServingConfirmation.Kind.values
    found = {(module.value, kind): 0.0 for module in Module for kind in kinds}
    for module in Module:
        for each in unconfirmed(module, now):
            found[module.value, each.kind] += 1
    text = "Processes and clients that have not confirmed the newest version and mode."
    return _gauge("serving_unconfirmed", text, found, ("module", "kind"))


def _read_queues() -> list[Metric]:
    """Return the lengths of the queues: messages that no worker has taken yet."""
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS
    ) as client:
        lengths = {(name,): float(client.llen(name)) for name in current_app.amqp.queues}
    return [_gauge("queue_length", "Tasks that no worker has taken yet.", lengths, ("queue",))]


POSTGRESQL, QUEUES = Probe(_read_postgresql), Probe(_read_queues)
