"""Log decisions outside the hot path: a bounded in-process queue, written by COPY; no decision is lost silently."""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Sequence

from django.db import DataError, Error, IntegrityError, close_old_connections, connection, transaction

from telemetry.decisions.decision_rows import (
    COLUMNS,
    DecisionRecord,
    store_constants,
    stored_row,
    write_rows,
)
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import Decision

__all__ = ["COLUMNS", "DecisionQueue", "DecisionRecord", "record_decisions"]

logger = logging.getLogger(__name__)


def record_decisions(decisions: Sequence[DecisionRecord]) -> int:
    """Write decisions immediately with one COPY; return the number written. Raises django.db errors."""
    rows, constants = [], set()
    for decision in decisions:
        row, named = stored_row(decision)
        rows.append(row)
        constants.update(named)
    with transaction.atomic():
        store_constants(constants)
        return write_rows(rows)


class DecisionQueue:
    """Queues decisions and writes them from a thread of its own, after `seconds` or once `batch` of them wait.

    When `limit` decisions are queued (PostgreSQL is unreachable or slow), `put` writes in the caller's thread. If that
    fails too, the oldest batch is logged line by line at level ERROR, so that the log holds what the table lacks. The
    same happens to decisions that the database refuses, and to those it cannot take at process exit.
    """

    def __init__(self, *, batch: int = 1000, seconds: float = 1.0, limit: int = 50_000) -> None:
        self._batch, self._seconds, self._limit = batch, seconds, limit
        self._waiting: deque[DecisionRecord] = deque()
        self._writing, self._starting = threading.Lock(), threading.Lock()
        self._wake = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def put(self, decisions: Sequence[DecisionRecord]) -> None:
        """Queue decisions; return at once unless the queue is full."""
        self._waiting.extend(decisions)
        self._start()
        if len(self._waiting) >= self._limit:
            self._flush_or_log(self._batch)
        elif len(self._waiting) >= self._batch:
            self._wake.set()

    def flush(self) -> int:
        """Write everything that is queued; return the number written.

        On a database error nothing is lost and it is raised.
        """
        written = 0
        with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
                try:
                    written += _write(batch)
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise
        return written

    def __len__(self) -> int:
        return len(self._waiting)

    def close(self) -> None:
        """Stop the thread and write the queue, to the log if the database is unreachable. Runs at process exit."""
        if self._thread is not None:
            self._is_closing = True
            self._wake.set()
            self._thread.join()
            self._thread = None
        self._flush_or_log(len(self))

    def _start(self) -> None:
        """Start the thread if it is not running; there is one per process, also after a fork."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._is_closing = False
                self._thread = threading.Thread(target=self._run, name="decision-queue", daemon=True)
                self._thread.start()
                atexit.unregister(self.close)
                atexit.register(self.close)

    def _run(self) -> None:
        while not self._is_closing:
            self._wake.wait(self._seconds)
            self._wake.clear()
            close_old_connections()
            try:
                self.flush()
            except Error as error:
                logger.warning("decisions wait for the database: %d queued (%s)", len(self), error)
        connection.close()

    def _flush_or_log(self, most: int) -> None:
        """Write everything that is queued; if the database fails, log the oldest `most` decisions instead."""
        try:
            self.flush()
        except Error as error:
            with self._writing:
                for _ in range(min(most, len(self._waiting))):
                    _log(self._waiting.popleft(), error)


def _write(batch: Sequence[DecisionRecord]) -> int:
    """Write a batch and return the number written.

    A refused batch is halved until the refused decision is alone; it is logged.

    A decision may be stored already, because the confirmation of a commit is lost when the connection breaks.
    """
    try:
        return record_decisions(batch)
    except (DataError, IntegrityError) as error:
        if len(batch) == 1:
            if not Decision.objects.filter(pk=batch[0].decision_id).exists():
                _log(batch[0], error)
            return 0
    middle = len(batch) // 2
    return _write(batch[:middle]) + _write(batch[middle:])


def _log(decision: DecisionRecord, error: Exception) -> None:
    logger.error("decision not stored (%s): %s", str(error).strip(), fact_json(decision.row()))
