"""Answers that take long: asked for at any door, computed once by a worker of the queue, and kept.

A row's key is the hash of all that its answer depends on: asked again, the same row answers. Workers are killed, and
the queue may deliver twice, so a row belongs to one attempt; whoever gives no sign of life for long loses it.
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
Progress = Callable[[float], None]  # takes the share that is done, 0 to 1
Status = BackgroundResult.Status


class Overtaken(RuntimeError):
    """Another worker took this one for dead and does its work."""


def named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class BackgroundComputation(Generic[Row]):
    """One kind of answer: the table that keeps it, and the task that has `run` compute the row of a `key`."""

    model: type[Row]
    task: str
    taken_over_after: timedelta  # without a sign of life; every progress is one
    answers: type[Exception]  # errors that tell whoever asked what to do; all others are faults
    told: Callable[[Exception], str] = named  # an answering error, in the row's words
    renewed: tuple[str, ...] = ()  # fields written anew whenever somebody asks

    @transaction.atomic
    def ask(self, key: str, fields: Mapping[str, Any], *, now: datetime) -> Row:
        """The row, at once; the task is sent where it is due."""
        row, is_due = self.find(key, fields, now=now)
        if is_due:
            send_later(self.task, {"key": key}, now=now)
        return row

    @transaction.atomic
    def find(self, key: str, fields: Mapping[str, Any], *, now: datetime) -> tuple[Row, bool]:
        """The row, made of `fields` where there is none; and whether it is due: new, failed, or its worker is gone."""
        fields = {"asked_at": now, "seen_at": now, **fields}
        row, is_new = self._rows.select_for_update().get_or_create(key=key, defaults=fields)
        if is_new:
            return row, True
        is_due = row.status == Status.FAILED or self._is_abandoned(row, now)
        changes = {name: fields[name] for name in self.renewed}
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
        """Write the fields that `compute` returns. Progress shows at once, to everybody; of two workers one computes.

        Faults are raised again once the row tells of them.
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
        except Exception as error:  # whatever it was, the row says it failed; a fault goes on to the task
            is_answer = isinstance(error, self.answers)
            text = self.told(error) if is_answer else named(error)
            self._mine(row).update(status=Status.FAILED, error=text, finished_at=moment())
            if not is_answer:
                raise

    @property
    def _rows(self) -> QuerySet[Row]:
        return self.model._default_manager.all()

    @transaction.atomic
    def _take(self, key: str, now: datetime) -> Row | None:
        """The row, now ours; None where it is finished, or another worker gives signs of life (then it is watched)."""
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
        """Update the row while it is ours, in a transaction of its own."""
        if not self._mine(row).update(**fields):
            raise Overtaken


def _set(row: BackgroundResult, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=fields)
