"""Whether a demo may write to this database: it approves all waiting requests and switches modules on."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from overrides.models import ChangeRequest, Version
from telemetry.foundation.models import JobRun
from telemetry.models import Trade

INSTALLED, HISTORY = "installed", "history"  # the parts of a demo that are noted


class DatabaseInUse(RuntimeError):
    """Raised if the database contains other data, or serves the other demo; nothing has been written."""


def refuse_others(job: str, *, is_planted: bool = False) -> None:
    """Raise DatabaseInUse if there are other data than those of the demo `job`, or if the setting is the other demo's.

    Every page of the planted demo must say what it is, and no page of another database may.
    """
    if settings.PLANTED_DEMO and not is_planted:
        raise DatabaseInUse("PLANTED_DEMO is set: this is the database of the planted demo; run ./dev demo without it")
    if is_planted and not settings.PLANTED_DEMO:
        raise DatabaseInUse("the planted demo has a database of its own, whose pages say so: ./dev demo --planted")
    if not JobRun.objects.filter(job=job).exists():
        for model in (Trade, ChangeRequest, Version):
            if model._default_manager.exists():
                named = model._meta.verbose_name_plural
                raise DatabaseInUse(f"this database holds {named} of your own; give the demo an empty one")


def note_done(job: str, period: str, now: datetime) -> JobRun:
    """Note that a part of a demo is done, so that it does not run again."""
    return JobRun.objects.create(
        job=job, period=period, status=JobRun.Status.DONE, started_at=now, finished_at=datetime.now(UTC)
    )


def has_run(job: str) -> bool:
    """Return whether a demo has run to its end in this database."""
    return JobRun.objects.filter(job=job, period=HISTORY, status=JobRun.Status.DONE).exists()
