"""Tables of the toolkit: job runs, outbox, stored responses and background results; the check for finite numbers."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models import Q

LARGEST = 1e9
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def finite(*fields: str, low: float = -LARGEST, high: float = LARGEST) -> Q:
    """Return the condition that the fields lie in [low, high].

    Both bounds are needed: PostgreSQL sorts NaN above every number, so a one-sided check would let it pass.
    """
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__range": (low, high)})
    return condition


def readable(*fields: str) -> Q:
    """Return the condition that the times can be read, null included: PostgreSQL stores years that Python has not."""
    return Q(**{f"{field}__range": (EARLIEST, LATEST) for field in fields})


class JobRun(models.Model):
    """One run of a scheduled verb, unique by (job, period), so that a second delivery does nothing."""

    class Status(models.TextChoices):
        """How the run ended."""

        DONE = "done"
        FAILED = "failed"

    job = models.CharField(max_length=60)
    period = models.CharField(max_length=60)
    status = models.CharField(max_length=7, choices=Status)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    rows = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-finished_at",)
        constraints = [models.UniqueConstraint(fields=["job", "period"], name="one_run_per_job_and_period")]
        indexes = [models.Index(fields=["-finished_at"], name="job_run_newest_first")]

    def __str__(self) -> str:
        return f"{self.job} {self.period}"


class OutboxMessage(models.Model):
    """A task for the queue, stored in the transaction that requests it and resent until the queue takes it."""

    task = models.CharField(max_length=100)
    kwargs = models.JSONField(default=dict)
    request_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="the task runs no sooner")
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["attempts", "id"], condition=Q(sent_at=None), name="outbox_waiting"),
            models.Index(fields=["task", "due_at"], name="outbox_by_task"),
            models.Index(fields=["sent_at"], name="outbox_by_sent"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} for {self.task}"


class StoredAnswer(models.Model):
    """The response to a request with an Idempotency-Key, kept for a day; no status means it is in progress."""

    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    digest = models.BinaryField(help_text="sha256 of address and body")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_idempotency_key")]
        indexes = [models.Index(fields=["created_at"], name="stored_answer_by_age")]

    def __str__(self) -> str:
        return f"answer {self.pk} to {self.caller}"


class BackgroundResult(models.Model):
    """Base of results computed once in the background (`background_results`); the key is the hash of their inputs."""

    class Status(models.TextChoices):
        """The state of the computation."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    key = models.CharField(primary_key=True, max_length=64, editable=False)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    progress = models.FloatField(default=0.0)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="last sign of life of whoever computes it")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    UNDER_WAY = (Status.WAITING, Status.RUNNING)

    @property
    def is_under_way(self) -> bool:
        """Whether the row waits for a worker or is being computed."""
        return self.status in self.UNDER_WAY
