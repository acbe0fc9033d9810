"""Decisions out of the hot path: a bounded queue in the process, written by COPY; nothing is dropped silently."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, close_old_connections, transaction

from telemetry.copying import copy_rows
from telemetry.core.canonical import canonical_json
from telemetry.models import Decision

logger = logging.getLogger(__name__)

COLUMNS = (
    "decision_id", "module", "pattern_key", "action_category", "scope", "at", "version", "challenger_version",
    "combiner", "mode", "reason", "flags", "request", "levers", "contributions", "excluded", "challenger", "effect",
    "numeric_build", "latency_us",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What one answer was made of, unrounded, ready to be written (design 9)."""

    decision_id: uuid.UUID
    module: str
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    at: datetime
    version: int | None
    challenger_version: int | None
    combiner: str
    mode: str
    reason: str
    flags: tuple[str, ...]
    request: Mapping[str, Any]
    levers: Mapping[str, Any]
    contributions: Sequence[Any]
    excluded: Sequence[Any]
    challenger: Mapping[str, Any] | None
    effect: Mapping[str, Any]
    numeric_build: str
    latency_us: float | None

    def row(self) -> tuple[Any, ...]:
        """Values in the order of COLUMNS; JSON as canonical text."""
        return (
            self.decision_id, self.module, self.pattern_key, self.action_category, canonical_json(self.scope), self.at,
            self.version, self.challenger_version, self.combiner, self.mode, self.reason,
            "{" + ",".join(self.flags) + "}", canonical_json(self.request), canonical_json(self.levers),
            canonical_json(self.contributions), canonical_json(self.excluded),
            None if self.challenger is None else canonical_json(self.challenger), canonical_json(self.effect),
            self.numeric_build, self.latency_us,
        )  # fmt: skip


def record_decisions(decisions: Sequence[DecisionRecord]) -> int:
    """Write decisions now, by one COPY; the number written."""
    with transaction.atomic():
        return copy_rows(Decision, COLUMNS, (decision.row() for decision in decisions))


class DecisionQueue:
    """Holds decisions for at most `seconds` or `batch` of them, then writes them from its own thread.

    When `limit` decisions wait (PostgreSQL is away, or slow), `put` writes in the caller's thread; if that fails too
    the oldest waiting batch is logged line by line at ERROR, so the log still holds what the table does not.
    """

    def __init__(self, *, batch: int = 1000, seconds: float = 1.0, limit: int = 50_000) -> None:
        self._batch, self._seconds, self._limit = batch, seconds, limit
        self._waiting: deque[DecisionRecord] = deque()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, decisions: Sequence[DecisionRecord]) -> None:
        """Queue decisions; returns at once unless the queue is full."""
        self._waiting.extend(decisions)
        if self._thread is None or not self._thread.is_alive():
            self._start()
        if len(self._waiting) >= self._limit:
            self._make_room()
        elif len(self._waiting) >= self._batch:
            self._wake.set()

    def flush(self) -> int:
        """Write all that waits; the number written. On a database error everything waits on and the error is raised."""
        written = 0
        with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
                try:
                    written += record_decisions(batch)
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise
        return written

    def __len__(self) -> int:
        return len(self._waiting)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="decision-queue", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._seconds)
            self._wake.clear()
            close_old_connections()
            try:
                self.flush()
            except DatabaseError as error:
                logger.warning("decisions wait for the database: %d queued (%s)", len(self), error)

    def _make_room(self) -> None:
        try:
            self.flush()
        except DatabaseError:
            for _ in range(min(self._batch, len(self._waiting))):
                logger.error("decision not stored: %s", canonical_json(self._waiting.popleft().row()[1:]))
