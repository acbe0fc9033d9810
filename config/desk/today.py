"""The admin's first page: what is served, what waits for a decision and by whom, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, Exists, Min, OuterRef
from django.urls import reverse

from config.operations.job_punctuality import punctuality
from overrides.admin.governance.mandate_admin import due_by
from overrides.admin.requests.request_admin import unacknowledged
from overrides.admin.requests.steps import at_a_glance
from overrides.models import ChangeRequest, Mandate, ModuleMode, Version
from overrides.serving.engine import ENGINE_ROOM, FRESH_SECONDS
from telemetry.foundation.models import JobRun, OutboxMessage
from telemetry.models import MODULES

MOST_WAITING = 12
MOST_FAILED = 8
LOOKED_BACK = timedelta(days=1)
OUTBOX_PATIENCE = timedelta(minutes=5)
WAITING = (ChangeRequest.State.IN_REVIEW, ChangeRequest.State.APPROVED, ChangeRequest.State.CHANGES_REQUESTED)


@dataclass(frozen=True)
class Served:
    """One module; without a row it is off, without a version neutral."""

    module: str
    row: ModuleMode | None
    version: Version | None


@dataclass(frozen=True)
class Waiting:
    """A request, what the reader may do about it, or why it is not theirs to decide."""

    request: ChangeRequest
    age: str
    left: str
    steps: tuple[str, ...]
    blocked: str


@dataclass(frozen=True)
class Trouble:
    """Something that did not work, in words, with the page that tells more."""

    what: str
    detail: str
    url: str = ""


def served() -> list[Served]:
    rows = {row.module: row for row in ModuleMode.objects.all()}
    versions = Version.objects.filter(is_active=True).defer("config_data", "coefficients")
    active = {version.module: version for version in versions}
    return [Served(module, rows.get(module), active.get(module)) for module, _ in MODULES]


def waiting(person: User, now: datetime) -> list[Waiting]:
    """The requests that wait for a person, oldest first."""
    requests = ChangeRequest.objects.filter(state__in=WAITING).order_by("created_at", "id")
    return [_waiting(request, person, now) for request in requests[:MOST_WAITING]]


def afterwards() -> int:
    """How many requests took effect at once and wait for somebody to look at them."""
    return unacknowledged().count()


def mandates_due(now: datetime) -> int:
    """How many mandates are to be reviewed within two weeks, or overdue."""
    return Mandate.objects.filter(due_by(now)).count()


def troubles(now: datetime) -> list[Trouble]:
    """What failed in the last day and has not succeeded since, what is late, what is stuck."""
    return [*_failed(now), *_late(now), *_stuck(now), *_stale_engines()]


def in_words(span: timedelta) -> str:
    """A length of time in its largest unit: a reader compares ages, not minutes.

    Past ones count as none.
    """
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _waiting(request: ChangeRequest, person: User, now: datetime) -> Waiting:
    each = at_a_glance(request, person, now)
    steps = tuple(offer.step.label for offer in each if not offer.blocked)
    blocked = next((offer.blocked for offer in each if offer.blocked), "its author has to change it")
    age, left = in_words(now - request.created_at), request.expires_at - now
    return Waiting(request, age, in_words(left) if left > timedelta(0) else "expired", steps, blocked)


def _failed(now: datetime) -> Iterator[Trouble]:
    done_since = JobRun.objects.filter(
        job=OuterRef("job"), status=JobRun.Status.DONE, finished_at__gt=OuterRef("finished_at")
    )
    failed = JobRun.objects.filter(status=JobRun.Status.FAILED, finished_at__gt=now - LOOKED_BACK)
    for run in failed.exclude(Exists(done_since)).order_by("-finished_at")[:MOST_FAILED]:
        last_line = (run.error.strip().splitlines() or [""])[-1]
        ago = in_words(now - run.finished_at)
        url = reverse("admin:telemetry_jobrun_change", args=[run.pk])
        yield Trouble(f"{run.job} failed {ago} ago", last_line[:200], url)


def _late(now: datetime) -> Iterator[Trouble]:
    for job, each in punctuality(now=now).items():
        if each["status"] == "late":
            age = each["seconds_since_success"]
            since = "it never has" if age is None else f"the last time {in_words(timedelta(seconds=age))} ago"
            every = in_words(timedelta(seconds=each["period_seconds"]))
            yield Trouble(f"{job} is late", f"it should succeed every {every}; {since}")


def _stuck(now: datetime) -> Iterator[Trouble]:
    due = OutboxMessage.objects.filter(sent_at=None, due_at__lte=now)
    found = due.aggregate(n=Count("id"), oldest=Min("due_at"))
    if found["n"] and now - found["oldest"] > OUTBOX_PATIENCE:
        oldest = in_words(now - found["oldest"])
        yield Trouble(f"{found['n']} tasks wait for the queue", f"the oldest for {oldest}; is Redis there, and beat?")


def _stale_engines() -> Iterator[Trouble]:
    """Of this process: a version that does not compile is never confirmed, and the one before answers on."""
    for module, _ in MODULES:
        engine, age = ENGINE_ROOM.known(module), ENGINE_ROOM.stale_seconds(module)
        if engine is not None and age > FRESH_SECONDS:
            ago = in_words(timedelta(seconds=age))
            yield Trouble(
                f"the engine of {module} is stale", f"it serves version {engine.version}, confirmed {ago} ago"
            )
