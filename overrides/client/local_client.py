"""Answer questions here, from a snapshot, with the server's own arithmetic; ask the server where that is not right."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from ..core.engine.definitions.vocabulary import MODULE_CATEGORIES
from .answers import Answer, Question
from .client import PAUSE, Client, Receipt
from .decision_ids import decision_id
from .follower import STREAM, Follower
from .http import Http
from .journal import Journal
from .local_engine import Decided, answered, compute
from .questions import Unclear, read_question
from .reports import Reports
from .snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

MODULES = ("pm",)
POLL_SECONDS = 2.0
MAX_STALE_SECONDS = 300.0
MOST_REPORTS = 10_000
EXIT_SECONDS = 5.0  # for reports that wait when the process ends and nobody closed the client


@dataclass(frozen=True, slots=True)
class State:
    """What a client knows of a module.

    - `age_seconds`: since the server last confirmed it; infinite if it never did in this process or the saved one.
    - `remote`: why the server is asked instead of answering here; None if answers are given here.
    """

    module: str
    version: int | None
    mode: str
    mode_revision: int
    age_seconds: float
    remote: str | None


class LocalClient(Client):
    """A `Client` that answers `resolve` by itself, in microseconds, as the server would at that moment.

    It follows the state of `modules` by polling every `poll_seconds` and by the server's stream, starts from the
    snapshot that it saved in `directory`, and reports each decision to the server in the background, so that trades can
    name it. `name` is how the server's mode page lists it. `stream_url` is the address of the stream, or of the process
    that serves it, if that is not `url`.

    The server is asked instead while there is no snapshot yet, where it wants to be asked, where this machine computes
    otherwise than the server, and for questions that are not plainly valid. A state that the server has not confirmed
    for `max_stale_seconds` is not served any more: the answer is neutral, with the reason STALE. `counters` counts
    answers by where they were given, polls, and reports (at most `most_reports` wait).

    Threads start with the first question or `start`; in a forked child they start again. `close` ends them.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float = 2.0,
        *,
        modules: Sequence[str] = MODULES,
        name: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        poll_seconds: float = POLL_SECONDS,
        max_stale_seconds: float = MAX_STALE_SECONDS,
        stream: bool = True,
        stream_url: str | None = None,
        most_reports: int = MOST_REPORTS,
        journal: Journal | None = None,
        pause: float = PAUSE,
    ) -> None:
        super().__init__(url, key, timeout, journal=journal, pause=pause)
        if not (math.isfinite(poll_seconds) and 0 < poll_seconds <= POLL_SECONDS):
            raise ValueError(f"poll_seconds is above 0 and at most {POLL_SECONDS:g}, so that switching off is followed")
        if isinstance(modules, str) or not set(modules) <= MODULE_CATEGORIES.keys():
            raise ValueError(f"modules is a list of {' and '.join(MODULE_CATEGORIES)}, such as {MODULES}")
        if not 0 < max_stale_seconds <= MAX_STALE_SECONDS:
            raise ValueError(f"max_stale_seconds is above 0 and at most {MAX_STALE_SECONDS:g}")
        self._name_before_fork = name or socket.gethostname()
        self.name = name or f"{self._name_before_fork}:{os.getpid()}"
        self._timeout, self._max_stale_seconds = timeout, max_stale_seconds
        store = None if directory is None else SnapshotStore(directory)
        origin = (stream_url or url).rstrip("/").removesuffix(STREAM.rstrip("/"))
        listening = Http(origin, key, timeout) if stream else None
        self._reports = Reports(self._http, self.name, self._count, most=most_reports)
        self._followers = {
            module: Follower(
                self._http,
                listening,
                module,
                self.name,
                self._count,
                store=store,
                poll_seconds=poll_seconds,
                max_stale_seconds=max_stale_seconds,
            )
            for module in modules
        }
        self._is_started = self._is_closed = False
        self._starting = threading.Lock()
        weakref.finalize(self, Reports.close, self._reports, EXIT_SECONDS)

    def after_fork(self) -> None:
        """Begin anew in a child, under a name of its own: threads start with its first question."""
        super().after_fork()
        self._starting, self._is_started = threading.Lock(), False
        self.name = f"{self._name_before_fork}:{os.getpid()}"
        for each in self._followers.values():
            each.after_fork(self.name)
        self._reports.after_fork(self.name)

    def start(self) -> None:
        """Start to follow the modules, and wait for the first answer of the server for at most `timeout` seconds."""
        if self._is_started or self._is_closed:
            return
        with self._starting:
            if self._is_started:
                return
            until = time.monotonic() + self._timeout
            for each in self._followers.values():
                each.start()
            for each in self._followers.values():
                each.has_asked.wait(max(0.0, until - time.monotonic()))
            self._is_started = True

    def close(self, seconds: float = 5.0) -> None:
        """Stop following, and send the reports that wait, within `seconds`; later questions go to the server."""
        until = time.monotonic() + seconds
        self._is_closed = True
        self._reports.close(seconds)
        for each in self._followers.values():
            each.close(max(0.0, until - time.monotonic()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def waiting_reports(self) -> int:
        """How many decisions wait to be reported."""
        return len(self._reports)

    def states(self) -> dict[str, State]:
        """Return what is known of each module that has a snapshot, with its age."""
        found = {}
        for module, follower in self._followers.items():
            if (engine := follower.engine) is not None:
                mode = engine.mode.mode.value
                age = follower.age()
                found[module] = State(module, engine.version, mode, engine.mode_revision, age, engine.remote)
        return found

    def record(self, trades: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Send closed trades, after the decisions that they may name; see `Client.record`."""
        self._reports.flush(self._timeout)
        return super().record(trades)

    def _block(self, asked: list[Question]) -> list[Answer]:
        found = [self._here(question) for question in asked]
        left = [asked[place] for place, answer in enumerate(found) if answer is None]
        rest = iter(super()._block(left) if left else ())
        return [answer or next(rest) for answer in found]

    def _here(self, question: Question) -> Answer | None:
        """Return the answer that is given here; None if the server has to be asked."""
        try:
            if not self._is_started:
                self.start()
            return self._answered(question)
        except Unclear:
            self._count("remote: question", 1)
        except Exception:  # no failure reaches the bot in the middle of a trade
            self._count("remote: failed", 1)
            logger.exception("a question could not be answered here")
        return None

    def _answered(self, question: Question) -> Answer | None:
        begin = time.perf_counter()
        follower = self._followers.get(str(question.get("module")))
        engine = None if follower is None or self._is_closed else follower.engine
        if follower is None or engine is None or engine.remote is not None:
            why = "not followed" if follower is None else "no snapshot" if engine is None else "required"
            self._count(f"remote: {why}", 1)
            return None
        now = datetime.now(UTC)
        asked = read_question(question, now)
        age = follower.age()
        computed = compute(engine, asked, age, self._max_stale_seconds)
        if computed.error is not None:
            self._count("remote: failed", 1)
            return None
        decided = Decided(
            decision_id(now),
            asked,
            engine.version,
            engine.mode_revision,
            now,
            computed.levers,
            computed.reason.value,
            min(age, 1e9),
            (time.perf_counter() - begin) * 1e6,
        )
        self._reports.put(decided)
        self._count("local", 1)
        return answered(engine, decided, computed)
