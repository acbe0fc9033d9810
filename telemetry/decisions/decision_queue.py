"""Queue decisions outside the hot path: nobody waits for the database, and no decision is lost silently.

A request only appends. A writer thread stores batches by COPY. While the database does not take them, a second thread
moves the oldest to a file of this process (`spill`), from which the writer stores them later; without a file, or if the
disk cannot take them either, it writes them to the log whole.
"""

from __future__ import annotations

import atexit
import gc
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from django.db import Error, close_old_connections, connection

from telemetry.decisions.decision_log import RECORDS, DecisionRecord, Form, log_decision, write_batch
from telemetry.decisions.spill import Spill

logger = logging.getLogger(__name__)
T = TypeVar("T")

DURABLE_SECONDS = 0.45  # that a request waits for its decision to be written: half a second with what waking takes
CLOSE_SECONDS = 5.0  # that the end of a process waits for the writer
CHUNK = 50  # decisions that are made into records at once
EXEMPT_EVERY = 1000  # decisions that wait, from one exemption from garbage collection to the next
HARD = 2  # times the limit: beyond it the oldest decisions are dropped, if the disk is slower than the requests
OUTCOMES = ("queued", "written", "spilled", "reloaded", "dropped", "refused", "durable", "durable_waits", "late")


class Ticket(threading.Event):
    """Set when the decisions of one durable request are stored; `is_late` if the request no longer waits."""

    is_late = False


class DecisionQueue(Generic[T]):
    """Queues decisions and writes them from a thread of its own, after `seconds` or once `batch` of them wait.

    From `limit` decisions on, the oldest are moved to the file. `form` makes rows of what is queued, in the writer's
    thread. `counters` says what became of all of them.
    """

    def __init__(
        self,
        form: Form[T] = RECORDS,  # type: ignore[assignment]  # the default is for a queue of records
        *,
        batch: int = 1000,
        seconds: float = 1.0,
        limit: int = 50_000,
        spill: Spill | None = None,
    ) -> None:
        self._form, self._batch, self._seconds, self._limit, self._spill = form, batch, seconds, limit, spill
        self._waiting: deque[T] = deque()
        self._urgent: deque[tuple[Sequence[T], Ticket]] = deque()
        self._dropped: deque[UUID] = deque()
        self._in_flight: Sequence[T] = ()
        self._writing, self._starting, self._counting = threading.Lock(), threading.Lock(), threading.Lock()
        self._wake, self._full = threading.Event(), threading.Event()
        self._is_closing = False
        self._exempt_at = EXEMPT_EVERY
        self._threads: tuple[threading.Thread, ...] = ()
        self._counted: Counter[str] = Counter()

    def put(self, decisions: Sequence[T]) -> None:
        """Queue decisions; never waits."""
        self._waiting.extend(decisions)
        self._count("queued", len(decisions))
        self.start()
        waiting = len(self._waiting)
        if waiting >= self._exempt_at:
            self._exempt()
        if waiting >= self._limit:
            self._full.set()
            if waiting > HARD * self._limit:
                self._drop(waiting - HARD * self._limit)
        if waiting >= self._batch:
            self._wake.set()

    def put_durable(self, decisions: Sequence[T], seconds: float = DURABLE_SECONDS) -> bool:
        """Queue decisions before all others and wait until they are written; return whether they were within `seconds`.

        Those that were not are written later.
        """
        deadline = time.monotonic() + seconds
        self._count("durable", len(decisions))
        if sum(len(each) for each, _ in tuple(self._urgent)) >= self._limit:
            self.put(decisions)
            return False
        ticket = Ticket()
        self._urgent.append((decisions, ticket))
        self._count("queued", len(decisions))
        self.start()
        self._wake.set()
        if ticket.wait(max(0.0, deadline - time.monotonic())):
            return True
        ticket.is_late = True
        self._count("durable_waits", len(decisions))
        return ticket.is_set()

    def flush(self) -> int:
        """Write everything that is queued, durable decisions first; return the number written.

        On a database error nothing is lost and it is raised.
        """
        written = 0
        with self._writing:
            while True:
                while self._urgent:  # looked at before each batch, because others may take longer than these may wait
                    written += self._write_urgent()
                batch = self._taken()
                if not batch:
                    return written
                written += self._write(batch)

    def __len__(self) -> int:
        return len(self._waiting) + sum(len(each) for each, _ in tuple(self._urgent))

    def counters(self) -> dict[str, int]:
        """Return how many decisions were queued, and what became of them, since the process started.

        `durable_waits` are those whose request waited in vain, `late` those of them that were written afterwards.
        """
        with self._counting:
            counted = {name: self._counted[name] for name in OUTCOMES}
        held = 0 if self._spill is None else self._spill.bytes_held
        return counted | {"waiting": len(self), "spill_bytes": held}

    def close(self) -> None:
        """Stop the threads and write the queue, to the file or the log if the database is unreachable.

        Runs at process exit, and waits no longer than CLOSE_SECONDS for the database.
        """
        self._is_closing = True
        self._wake.set()
        self._full.set()
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)
        stuck = self._in_flight if any(thread.is_alive() for thread in self._threads) else ()
        self._threads = ()
        urgent = [each for decisions, _ in self._urgent for each in decisions]
        self._urgent.clear()
        left = [*stuck, *urgent, *self._taken(len(self._waiting))]
        if left:
            self._set_aside(left)
        self._name_dropped()
        if self._spill is not None:
            self._spill.release()

    def _taken(self, most: int | None = None) -> list[T]:
        """Remove and return the oldest decisions; two threads may do so at the same time."""
        taken: list[T] = []
        try:
            for _ in range(self._batch if most is None else most):
                taken.append(self._waiting.popleft())
        except IndexError:
            pass
        return taken

    def _write(self, batch: Sequence[T]) -> int:
        written, _ = self._store(batch, lambda: self._waiting.extendleft(reversed(batch)))
        return written

    def _write_urgent(self) -> int:
        taken = [self._urgent.popleft() for _ in range(min(len(self._urgent), self._batch))]
        batch = [each for decisions, _ in taken for each in decisions]
        written, refused = self._store(batch, lambda: self._urgent.extendleft(reversed(taken)))
        for decisions, ticket in taken:
            if not refused:  # which of them the database refused is in the log; nothing is claimed of the others
                ticket.set()
                self._count("late", len(decisions) if ticket.is_late else 0)
        return written

    def _store(self, batch: Sequence[T], put_back: Callable[[], None]) -> tuple[int, int]:
        """Write a batch and return how many were written and refused; put it back where the database fails."""
        self._in_flight = batch
        try:
            written, refused = write_batch(batch, self._form)
        except Error:
            put_back()
            raise
        finally:
            self._in_flight = ()
        self._count("written", written)
        self._count("refused", refused)
        return written, refused

    def _exempt(self) -> None:
        """Exempt from garbage collection what there is now; it is freed all the same when nothing refers to it.

        Ten thousand decisions that wait are a quarter of a million objects, and looking through all of them would stop
        every thread for seconds on a busy machine, also those that wait for a durable decision. It takes no time, and
        happens each time that more decisions wait than ever before.
        """
        self._exempt_at = len(self._waiting) + EXEMPT_EVERY
        gc.freeze()

    def _drop(self, count: int) -> None:
        """Drop the oldest decisions, because neither database nor disk keep up; the other thread logs their ids."""
        dropped = self._taken(count)
        self._count("dropped", len(dropped))
        self._dropped.extend(map(self._form.identity, dropped))

    def _set_aside(self, decisions: Sequence[T]) -> None:
        """Write decisions to the file, or whole to the log; a few at a time, so that no thread waits for this one."""
        before = self._counted["spilled"]
        for start in range(0, len(decisions), CHUNK):
            self._set_aside_chunk(decisions[start : start + CHUNK])
        if spilled := self._counted["spilled"] - before:
            logger.warning("%d decisions were moved to a file until the database takes them", spilled)

    def _set_aside_chunk(self, decisions: Sequence[T]) -> None:
        records: list[DecisionRecord] = [self._form.record(each) for each in decisions]
        error: Exception = RuntimeError("the queue is full")
        if self._spill is not None:
            try:
                self._spill.write(records)
            except OSError as found:
                error = found
            else:
                self._count("spilled", len(records))
                return
        for record in records:
            log_decision(record, error)
        self._count("dropped", len(records))

    def start(self) -> None:
        """Start the threads if they are not running; there are two per process, also after a fork.

        From then on decisions that ended processes left in files are stored as well.
        """
        if self._threads and all(thread.is_alive() for thread in self._threads):
            return
        with self._starting:
            if not self._threads or not all(thread.is_alive() for thread in self._threads):
                self._is_closing = False
                works = {"decision-writer": self._write_on, "decision-spill": self._spill_on}
                self._threads = tuple(
                    threading.Thread(target=work, name=name, daemon=True) for name, work in works.items()
                )
                for thread in self._threads:
                    thread.start()
                atexit.unregister(self.close)
                atexit.register(self.close)

    def _write_on(self) -> None:
        """Store what is queued and then what waits in files, until the queue is closed."""
        is_last = False
        while not is_last:
            self._wake.wait(self._seconds)
            self._wake.clear()
            is_last = self._is_closing
            close_old_connections()
            try:
                self.flush()
                self._reload()
            except (Error, OSError) as error:  # OSError: of the files; a writer that ended would store nothing more
                logger.warning("decisions wait for the database: %d queued (%s)", len(self), error)
        connection.close()

    def _reload(self) -> None:
        """Store the decisions of files, and between two batches what is queued: somebody may wait for a durable one.

        On a database error those of files go back to this process's file.
        """
        if self._spill is None or self._is_closing:
            return
        while not self._is_closing and (records := self._spill.take(self._batch)):
            try:
                written, refused = write_batch(records, RECORDS)
            except Error as error:
                self._put_back(records, error)
                raise
            self._count("reloaded", written)
            self._count("refused", refused)
            self.flush()

    def _put_back(self, records: Sequence[DecisionRecord], error: Exception) -> None:
        """Write decisions of files to this process's file again, or whole to the log."""
        assert self._spill is not None  # where they came from
        try:
            self._spill.write(records)
        except OSError:
            for record in records:
                log_decision(record, error)
            self._count("dropped", len(records))

    def _spill_on(self) -> None:
        """Move the oldest decisions to the file while the queue is more than half full."""
        while not self._is_closing:
            self._full.wait()
            self._full.clear()
            while len(self._waiting) > self._limit // 2 and not self._is_closing:
                self._set_aside(self._taken())
                self._name_dropped()
                self._wake.set()

    def _name_dropped(self) -> None:
        names = [str(self._dropped.popleft()) for _ in range(len(self._dropped))]
        if names:
            logger.error("%d decisions dropped, the queue is full: %s", len(names), ", ".join(names))

    def _count(self, name: str, number: int) -> None:
        with self._counting:
            self._counted[name] += number
