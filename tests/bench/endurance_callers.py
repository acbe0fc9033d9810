"""The callers of an endurance run: each repeats one kind of request until it is told to stop, and notes every reply."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.outages.callers import Bot, Reply, Reviewer, closed_trade

Answered = tuple[int, int | None, str, tuple[tuple[str, float], ...]]  # question, version, reason, levers
SLOW = 0.8  # seconds from which a reply is listed
PAGES = (
    "/admin/",
    "/admin/overrides/changerequest/",
    "/admin/telemetry/decision/",
    "/admin/telemetry/trade/",
    "/admin/overrides/version/",
)


@dataclass
class Notes:
    """What the callers of one kind saw: replies by status, seconds each, connections that broke, and what was slow."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    slow: list[tuple[float, float, str]] = field(default_factory=list)  # second of the run, seconds, status or error
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def server_errors(self) -> int:
        return sum(number for status, number in self.statuses.items() if status >= 500)


class Callers:
    """Threads that call one installation until `stop`."""

    def __init__(self, address: str, keys: Mapping[str, str], questions: Sequence[Mapping[str, Any]]) -> None:
        self._address, self._keys, self._questions = address, keys, list(questions)
        self.notes = {name: Notes() for name in ("single", "list", "durable", "record", "page")}
        self.answers: Counter[Answered] = Counter()
        self.durable: set[str] = set()  # decisions that were confirmed as written
        self.recorded: set[str] = set()  # trades that were confirmed as recorded
        self._begun = time.perf_counter()
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, password: str, *, pause: float) -> None:
        """Start two callers of single questions, and one of every other kind; they rest `pause` seconds between."""
        works: list[tuple[str, Callable[[int], Reply]]] = [
            ("single", self._single),
            ("single", self._single),
            ("list", self._list),
            ("durable", self._durable),
            ("record", self._record),
            ("page", _Pages(self._address, password)),
        ]
        for name, work in works:
            thread = threading.Thread(target=self._repeat, args=(self.notes[name], work, pause), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    def _repeat(self, notes: Notes, work: Callable[[int], Reply], pause: float) -> None:
        number = 0
        while not self._ending.wait(pause):
            number += 1
            begun = time.perf_counter()
            status, broken = 0, ""
            try:
                status = work(number).status
            except (OSError, http.client.HTTPException) as error:
                broken = f"{type(error).__name__}: {error}"
            seconds = time.perf_counter() - begun
            with notes.lock:
                if broken:
                    notes.broken.append(broken)
                else:
                    notes.statuses[status] += 1
                    notes.seconds.append(seconds)
                if broken or seconds > SLOW or status >= 500:
                    notes.slow.append((begun - self._begun, seconds, broken or str(status)))

    def _bot(self) -> Bot:
        return Bot(self._address, self._keys["record"])

    def _single(self, number: int) -> Reply:
        place = number % len(self._questions)
        reply = self._bot().call("POST", "/api/v1/levers/resolve/", self._questions[place])
        if reply.status == 200:
            self._note(place, reply.body)
        return reply

    def _list(self, number: int) -> Reply:
        reply = self._bot().call("POST", "/api/v1/levers/resolve/", self._questions)
        if reply.status == 200:
            for place, answer in enumerate(reply.body):
                self._note(place, answer)
        return reply

    def _durable(self, number: int) -> Reply:
        place = number % len(self._questions)
        reply = self._bot().call("POST", "/api/v1/levers/resolve/?durable=true", self._questions[place])
        if reply.status == 200:
            answer = reply.body
            self._note(place, answer)
            if answer["durable"]:
                self.durable.add(answer["decision_id"])
        return reply

    def _record(self, number: int) -> Reply:
        trade = closed_trade()
        reply = self._bot().record(trade)
        if reply.status in (200, 201) and reply.body["results"][0]["status"] == "new":
            self.recorded.add(trade["external_id"])
        return reply

    def _note(self, place: int, answer: Mapping[str, Any]) -> None:
        levers = tuple(sorted(answer["levers"].items()))
        with self._lock:
            self.answers[place, answer["version"], answer["reason"], levers] += 1


class _Pages:
    """Opens the reviewer's pages in turn; logs in again where the session is gone."""

    def __init__(self, address: str, password: str) -> None:
        self._address, self._password = address, password
        self._browser: Reviewer | None = None

    def __call__(self, number: int) -> Reply:
        if self._browser is None:
            browser = Reviewer(self._address)
            try:
                browser.log_in("reviewer", self._password)
            except (AssertionError, StopIteration) as refused:
                raise ConnectionError("no login") from refused
            self._browser = browser
        return self._browser.open_page(PAGES[number % len(PAGES)])
