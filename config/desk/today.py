"""The admin's start page: what is served, which requests wait and for whom, and what has failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, IntegerField, JSONField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.urls import reverse

from config.access.models import ApiKey
from config.operations.job_punctuality import punctuality
from overrides.admin.governance.mandate_admin import due_by
from overrides.admin.requests.request_admin import unacknowledged
from overrides.admin.requests.returned import returned_steps, waits_for_author
from overrides.admin.requests.steps import step_summaries
from overrides.models import ChangeRequest, Mandate, ModuleMode, Version
from overrides.requests.renewal import suspended_at
from overrides.serving.engine import ENGINE_ROOM, FRESH_SECONDS
from telemetry.audit.simulated_time import SimulatedTime
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
    """A request and the steps open to the reader, or why it is not theirs to decide."""

    request: ChangeRequest
    age: str
    left: str
    steps: tuple[str, ...]
    blocked: str


@dataclass(frozen=True)
class Trouble:
    """A failure in words, with the address of a page with details."""

    what: str
    detail: str
    url: str = ""


def served() -> list[Served]:
    """Return what each module serves."""
    rows = {row.module: row for row in ModuleMode.objects.all()}
    versions = Version.objects.filter(is_active=True).defer("config_data", "coefficients")
    active = {version.module: version for version in versions}
    return [Served(module, rows.get(module), active.get(module)) for module, _ in MODULES]


def waiting(person: User, now: datetime) -> list[Waiting]:
    """Return the requests that wait for a person, oldest first."""
    requests = ChangeRequest.objects.filter(state__in=WAITING).order_by("created_at", "id")
    return [_waiting(request, person, now) for request in requests[:MOST_WAITING]]


@dataclass(frozen=True)
class Counts:
    """The numbers of requests that took effect at once and wait for acknowledgement, of mandates whose review is due
    within two weeks or overdue, of suspended mandates, of live keys without an active owner, and of tasks that are due
    and not sent, with the time of the oldest; and `simulated`, since when and why the database accepts other times than
    its clock's."""

    afterwards: int
    mandates_due: int
    mandates_suspended: int
    unowned_keys: int
    waiting_tasks: int
    oldest_task: datetime | None
    simulated: SimulatedTime | None


def counts(person: User, now: datetime) -> Counts:
    """Return what the start page counts, in one query."""
    tasks = OutboxMessage.objects.filter(sent_at=None, due_at__lte=now)
    counted: dict[str, QuerySet[Any]] = {
        "afterwards": unacknowledged(),
        "mandates_due": Mandate.objects.filter(due_by(now)),
        "mandates_suspended": Mandate.objects.filter(suspended_at(now)),
        "unowned_keys": unowned_keys(now),
        "waiting_tasks": tasks,
    }
    columns = {name: _Count(rows.order_by().values("pk")) for name, rows in counted.items()}
    time = RawSQL("(SELECT jsonb_build_array(since, reason) FROM simulated_time)", (), JSONField())
    oldest = Subquery(tasks.order_by("due_at").values("due_at")[:1])
    row: Any = User.objects.filter(pk=person.pk).values(**columns, oldest_task=oldest, simulated=time).get()
    if row["simulated"]:
        since, reason = row["simulated"]
        row["simulated"] = SimulatedTime(datetime.fromisoformat(since), reason)
    return Counts(**row)


def unowned_keys(now: datetime) -> QuerySet[ApiKey]:
    """Return the live keys without an active owner."""
    live = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    return live.filter(Q(owner=None) | Q(owner__is_active=False))


class _Count(Subquery):
    """The number of rows of a query, as a column."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def troubles(counted: Counts, now: datetime) -> list[Trouble]:
    """Return the jobs that failed in the last day without success since, late jobs, and stuck work."""
    return [*_failed(now), *_late(now), *_stuck(counted, now), *_stale_engines()]


def key_troubles(now: datetime, *, sees_keys: bool) -> list[Trouble]:
    """Return the keys without an active owner, with a link to their list for readers who may see it."""
    url = reverse("admin:access_apikey_changelist") if sees_keys else ""
    rows = unowned_keys(now).select_related("owner").order_by("name", "pk")
    return [_unowned(key, url) for key in rows[:MOST_FAILED]]


def in_words(span: timedelta) -> str:
    """Return a length of time in its largest unit, to compare ages at a glance; negative lengths count as zero."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _waiting(request: ChangeRequest, person: User, now: datetime) -> Waiting:
    """Describe one request for a person."""
    returned = returned_steps(request, person, now)
    each = () if returned else step_summaries(request, person, now)
    steps = returned or tuple(offer.step.label for offer in each if not offer.blocked)
    blocked = waits_for_author(request) or next((offer.blocked for offer in each if offer.blocked), "")
    age, left = in_words(now - request.created_at), request.expires_at - now
    return Waiting(request, age, in_words(left) if left > timedelta(0) else "expired", steps, blocked)


def _failed(now: datetime) -> Iterator[Trouble]:
    """Yield the failed jobs."""
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
    """Yield the late jobs."""
    for job, each in punctuality(now=now).items():
        if each["status"] == "late":
            age = each["seconds_since_success"]
            since = "it never has" if age is None else f"the last time {in_words(timedelta(seconds=age))} ago"
            every = in_words(timedelta(seconds=each["period_seconds"]))
            yield Trouble(f"{job} is late", f"it should succeed every {every}; {since}")


def _stuck(counted: Counts, now: datetime) -> Iterator[Trouble]:
    """Yield a trouble if tasks have waited too long for the queue."""
    if counted.oldest_task is not None and now - counted.oldest_task > OUTBOX_PATIENCE:
        oldest = in_words(now - counted.oldest_task)
        yield Trouble(
            f"{counted.waiting_tasks} tasks wait for the queue", f"the oldest for {oldest}; is Redis there, and beat?"
        )


def _unowned(key: ApiKey, url: str) -> Trouble:
    """Return what is wrong with the owner of a key, and what follows."""
    why = "has no owner" if key.owner is None else f"is owned by {key.owner}, who is deactivated"
    detail = "it cannot draft requests until an active person owns it; resolving and recording continue"
    return Trouble(f"the key of {key.name} ({key.prefix}) {why}", detail, url)


def _stale_engines() -> Iterator[Trouble]:
    """Yield the stale engines of this process, which serve their last version because a newer one does not compile."""
    for module, _ in MODULES:
        engine, age = ENGINE_ROOM.known(module), ENGINE_ROOM.stale_seconds(module)
        if engine is not None and age > FRESH_SECONDS:
            ago = in_words(timedelta(seconds=age))
            yield Trouble(
                f"the engine of {module} is stale", f"it serves version {engine.version}, confirmed {ago} ago"
            )
