"""Report decisions that were made here: queued in bounded memory, sent in the background, counted whatever happens."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from .http import Failed, Http
from .local_engine import Decided

logger = logging.getLogger(__name__)

DECISIONS = "/api/v1/decisions/"
BATCH = 500
VERSIONS = 8  # in one batch: the server compiles those that it does not serve any more
SECONDS = 1.0
LONGEST_PAUSE = 30.0
OLDEST = timedelta(hours=23, minutes=50)  # the server refuses those of more than 24 hours
SEND_SECONDS = 30.0

Count = Callable[[str, int], None]


class Reports:
    """A queue of at most `most` decisions with a thread that sends them.

    While the server is away they wait; when the queue is full, further ones are dropped and counted: the bot goes on,
    and what its trades name is then unknown to the server.
    """

    def __init__(self, http: Http, name: str, count: Count, *, most: int) -> None:
        self._http, self._count, self._most = http, count, most
        self.after_fork(name)

    def after_fork(self, name: str) -> None:
        """Begin anew in a child, under its name: what waits belongs to the parent, which sends it."""
        self._name = name
        self._waiting: deque[Decided] = deque()
        self._lock, self._sending, self._wake = threading.Lock(), threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, decided: Decided) -> None:
        """Queue a decision; return at once."""
        if len(self._waiting) >= self._most:
            self._count("decisions dropped", 1)
            return
        self._waiting.append(decided)
        if self._thread is None or not self._thread.is_alive():
            self._start()
        elif len(self._waiting) == BATCH:
            self._wake.set()

    def flush(self, seconds: float) -> bool:
        """Send what waits for at most `seconds`; return whether all of it was sent or refused."""
        until = time.monotonic() + seconds
        while self._waiting and (left := until - time.monotonic()) > 0:
            if not self._sending.acquire(timeout=left):
                return False
            try:
                self._send(max(0.1, until - time.monotonic()))
            except Failed:
                return False
            finally:
                self._sending.release()
        return not self._waiting

    def close(self, seconds: float) -> None:
        """Send what waits for at most `seconds`; what remains then is dropped and counted."""
        self._closing = True
        self._wake.set()
        self.flush(seconds)
        if dropped := len(self._waiting):
            self._waiting.clear()
            self._count("decisions dropped", dropped)
            logger.warning("%d decisions were not reported before the client was closed", dropped)

    def _start(self) -> None:
        with self._lock:
            if (self._thread is None or not self._thread.is_alive()) and not self._closing:
                self._thread = threading.Thread(target=self._run, name="counterweight-reports", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = SECONDS
        while not self._closing:
            self._wake.wait(pause)
            self._wake.clear()
            try:
                left = len(self._waiting)  # what comes meanwhile is sent with the next round, unless it fills a batch
                while self._waiting and (left > 0 or len(self._waiting) >= BATCH) and not self._closing:
                    with self._sending:
                        left -= self._send(SEND_SECONDS)
                pause = SECONDS
            except Failed as failed:
                self._count("reports failed", 1)
                pause = min(LONGEST_PAUSE, failed.retry_after or 2 * pause) * random.uniform(0.8, 1.2)
            except Exception:  # a thread that ends would leave the queue to fill up unseen
                self._count("reports failed", 1)
                logger.exception("decisions could not be reported; they wait")
                pause = LONGEST_PAUSE

    def _send(self, seconds: float) -> int:
        """Send one batch and return its size; raise Failed to send it again, which changes nothing that was stored."""
        batch = _of_few_versions([self._waiting[place] for place in range(min(BATCH, len(self._waiting)))])
        fresh = list(_not_too_old(batch))
        self._count("decisions dropped", len(batch) - len(fresh))
        if fresh:
            try:
                answer = self._http.post(
                    f"{DECISIONS}?client={quote(self._name, safe='')}",
                    [each.document() for each in fresh],
                    seconds=seconds,
                )
                self._read(answer, len(fresh))
            except Failed as failed:
                if failed.kind != "refused" or failed.status in (408, 429):
                    raise
                self._count("decisions refused", len(fresh))
                logger.warning("the server refuses reports of decisions: %s", failed)
        for _ in batch:
            self._waiting.popleft()
        return len(batch)

    def _read(self, answer: object, sent: int) -> None:
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != sent:
            raise Failed("unreadable", "the server did not answer for each decision once")
        refused = [each for each in results if not isinstance(each, dict) or each.get("status") == "refused"]
        self._count("decisions sent", sent - len(refused))
        self._count("decisions refused", len(refused))
        if refused:
            logger.warning("the server refuses %d of %d decisions, first %.300r", len(refused), sent, refused[0])


def _of_few_versions(waiting: list[Decided]) -> list[Decided]:
    """Return the first decisions that come from at most VERSIONS states."""
    versions: set[tuple[str, int | None]] = set()
    for place, each in enumerate(waiting):
        versions.add((each.asked.request.module, each.version))
        if len(versions) > VERSIONS:
            return waiting[:place]
    return waiting


def _not_too_old(batch: list[Decided]) -> Iterator[Decided]:
    oldest = datetime.now(UTC) - OLDEST
    return (each for each in batch if each.evaluated_at > oldest)
