"""Background results: requested at once, computed once by a Celery worker, kept under the hash of their inputs.

Workers can be killed and the queue can deliver a message twice. A row therefore belongs to one attempt; an attempt that
has shown no sign of life for `taken_over_after` loses it to another worker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import QuerySet

from telemetry.foundation.models import BackgroundResult
from telemetry.foundation.outbox import send_later

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=BackgroundResult)
Progress = Callable[[float], None]  # called with the completed fraction, 0 to 1
Status = BackgroundResult.Status


class Overtaken(RuntimeError):
    """Another worker has taken over this computation."""


def named(error: Exception) -> str:
    """Return the class and the message of an error."""
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class BackgroundComputation(Generic[Row]):
    """One kind of background result: its table, and the task that calls `run` with the key of a row."""

    model: type[Row]
    task: str
    taken_over_after: timedelta  # time since the last sign of life; reporting progress is one
    expected_errors: type[Exception]  # errors that are advice to the requester; all others are faults
    error_text: Callable[[Exception], str] = named  # the text of an expected error as the row stores it
    refreshed: tuple[str, ...] = ()  # fields written again by every request

    @transaction.atomic
    def request(self, key: str, fields: Mapping[str, Any], *, now: datetime) -> Row:
        """Return the row at once, and enqueue the task if the row is due."""
        row, is_due = self.find_or_create(key, fields, now=now)
        if is_due:
            send_later(self.task, {"key": key}, now=now)
        return row

    @transaction.atomic
    def find_or_create(self, key: str, fields: Mapping[str, Any], *, now: datetime) -> tuple[Row, bool]:
        """Return the row of `key`, created from `fields` if missing, and whether its computation is due.

        It is due if the row is new, if it has failed, or if its worker has shown no sign of life.
        """
        fields = {"asked_at": now, "seen_at": now, **fields}
        row, is_new = self._rows.select_for_update().get_or_create(key=key, defaults=fields)
        if is_new:
            return row, True
        is_due = row.status == Status.FAILED or self._is_abandoned(row, now)
        changes = {name: fields[name] for name in self.refreshed}
        if is_due:
            changes |= {"status": Status.WAITING, "error": "", "progress": 0.0, "seen_at": now}
        _set(row, changes)
        return row, is_due

    def run(
        self,
        key: str,
        compute: Callable[[Row, Progress], Mapping[str, Any]],
        *,
        now: datetime,
        on_progress: Progress = lambda _: None,
    ) -> None:
        """Compute the row of `key` and store the fields that `compute` returns; only one worker does so.

        Progress is visible to everybody at once. Unexpected errors are raised again after the row has recorded them.
        """
        row = self._take(key, now)
        if row is None:
            return
        started = time.monotonic()

        def moment() -> datetime:
            return now + timedelta(seconds=time.monotonic() - started)

        def progress(share: float) -> None:
            self._write(row, progress=min(share, 1.0), seen_at=moment())
            on_progress(share)

        try:
            self._write(row, **compute(row, progress), status=Status.DONE, progress=1.0, finished_at=moment())
        except Overtaken:
            logger.warning("%s %s: another worker has taken over", self.model._meta.verbose_name, key[:12])
        except Exception as error:  # any error marks the row as failed; a fault is raised again
            is_expected = isinstance(error, self.expected_errors)
            text = self.error_text(error) if is_expected else named(error)
            self._mine(row).update(status=Status.FAILED, error=text, finished_at=moment())
            if not is_expected:
                raise

    @property
    def _rows(self) -> QuerySet[Row]:
        return self.model._default_manager.all()

    @transaction.atomic
    def _take(self, key: str, now: datetime) -> Row | None:
        """Claim the row for this attempt and return it; None if it is finished or another worker is alive on it.

        In the second case the task is enqueued again, to check later whether that worker still is.
        """
        row = self._rows.select_for_update().filter(pk=key).first()
        if row is None or not row.is_under_way:
            return None
        if row.status == Status.RUNNING and not self._is_abandoned(row, now):
            send_later(self.task, {"key": key}, now=now, wait=self.taken_over_after)
            return None
        _set(row, {"status": Status.RUNNING, "attempts": row.attempts + 1, "progress": 0.0, "seen_at": now})
        return row

    def _is_abandoned(self, row: Row, now: datetime) -> bool:
        return row.is_under_way and row.seen_at < now - self.taken_over_after

    def _mine(self, row: Row) -> QuerySet[Row]:
        return self._rows.filter(pk=row.pk, attempts=row.attempts, status=Status.RUNNING)

    def _write(self, row: Row, **fields: Any) -> None:
        """Update the row while it belongs to this attempt; raise Overtaken otherwise."""
        if not self._mine(row).update(**fields):
            raise Overtaken


def _set(row: BackgroundResult, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=fields)
