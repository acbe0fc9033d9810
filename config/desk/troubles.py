"""What has gone wrong, for the start page: jobs, the queue, engines, and keys without an owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.urls import reverse

from config.access.models import ApiKey
from config.desk.words import in_words
from config.operations.job_punctuality import Schedule, schedule
from overrides.core.engine.staleness import FRESH_SECONDS
from overrides.serving.engine import ENGINE_ROOM
from telemetry.foundation.models import JobRun
from telemetry.models import MODULES

MOST_FAILED = 8
LOOKED_BACK = timedelta(days=1)
OUTBOX_PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Trouble:
    """A failure in words, with the address of a page with details."""

    what: str
    detail: str
    url: str = ""


@dataclass(frozen=True)
class Stuck:
    """The number of tasks that are due and not sent, and since when the oldest is due."""

    tasks: int
    oldest: datetime | None


def troubles(failed: list[Mapping[str, Any]], stuck: Stuck, now: datetime) -> list[Trouble]:
    """Return the jobs that failed in the last day without success since, late jobs, and stuck work.

    `failed` are runs as `failed_runs` selects them.
    """
    timetable = schedule(now=now)
    return [*_failed(failed, now), *_late(timetable, now), *_stuck(stuck, now), *_stale_engines()]


def failed_runs(now: datetime) -> Any:
    """Return the expression for the failed runs of the last day without success since, newest first."""
    done_since = JobRun.objects.filter(
        job=OuterRef("job"), status=JobRun.Status.DONE, finished_at__gt=OuterRef("finished_at")
    )
    failed = JobRun.objects.filter(status=JobRun.Status.FAILED, finished_at__gt=now - LOOKED_BACK)
    rows = failed.exclude(Exists(done_since)).order_by("-finished_at")
    fields = {name: F(name) for name in ("pk", "job", "error", "finished_at")}
    return ArraySubquery(rows.values(found=JSONObject(**fields))[:MOST_FAILED])


def unowned_keys(now: datetime) -> QuerySet[ApiKey]:
    """Return the live keys without an active owner."""
    live = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    return live.filter(Q(owner=None) | Q(owner__is_active=False))


def key_troubles(now: datetime, *, sees_keys: bool) -> list[Trouble]:
    """Return the keys without an active owner, with a link to their list for readers who may see it."""
    url = reverse("admin:access_apikey_changelist") if sees_keys else ""
    rows = unowned_keys(now).select_related("owner").order_by("name", "pk")
    return [_unowned(key, url) for key in rows[:MOST_FAILED]]


def _failed(runs: list[Mapping[str, Any]], now: datetime) -> Iterator[Trouble]:
    """Yield the failed jobs."""
    for run in runs:
        last_line = (run["error"].strip().splitlines() or [""])[-1]
        ago = in_words(now - datetime.fromisoformat(run["finished_at"]))
        url = reverse("admin:telemetry_jobrun_change", args=[run["pk"]])
        yield Trouble(f"The job “{run['job']}” failed {ago} ago", last_line[:200], url)


def _late(timetable: Schedule, now: datetime) -> Iterator[Trouble]:
    """Yield the late jobs; where nobody runs any of them, that alone."""
    if not timetable.is_run(now):
        sign = timetable.last_sign
        since = "none ever has" if sign is None else f"the last sign of one is {in_words(now - sign)} old"
        yield Trouble("Nobody runs the jobs", f"they need a worker and a scheduler (Celery beat), and {since}")
        return
    for job, each in timetable.jobs.items():
        if each["status"] == "late":
            age = each["seconds_since_success"]
            last = "it never has" if age is None else f"the last time was {in_words(timedelta(seconds=age))} ago"
            every = in_words(timedelta(seconds=each["period_seconds"]))
            yield Trouble(f"The job “{job}” is late", f"it should succeed every {every}; {last}")


def _stuck(stuck: Stuck, now: datetime) -> Iterator[Trouble]:
    """Yield a trouble if tasks have waited too long for the queue."""
    if stuck.oldest is not None and now - stuck.oldest > OUTBOX_PATIENCE:
        waited = in_words(now - stuck.oldest)
        tasks = "1 task waits" if stuck.tasks == 1 else f"{stuck.tasks} tasks wait"
        yield Trouble(
            f"{tasks} for the queue",
            f"the oldest for {waited}; check that Redis can be reached and that the scheduler runs",
        )


def _unowned(key: ApiKey, url: str) -> Trouble:
    """Return what is wrong with the owner of a key, and what follows."""
    why = "has no owner" if key.owner is None else f"is owned by {key.owner}, who is deactivated"
    detail = "it cannot draft requests until an active person owns it; resolving and recording continue"
    return Trouble(f"The key of {key.name} ({key.prefix}) {why}", detail, url)


def _stale_engines() -> Iterator[Trouble]:
    """Yield the stale engines of this process, which serve their last version because a newer one does not compile."""
    for module, _ in MODULES:
        engine, age = ENGINE_ROOM.known(module), ENGINE_ROOM.stale_seconds(module)
        if engine is not None and age > FRESH_SECONDS:
            ago = in_words(timedelta(seconds=age))
            yield Trouble(
                f"The engine of {module} is stale", f"it serves version {engine.version}, confirmed {ago} ago"
            )
