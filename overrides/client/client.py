"""Ask the server for levers, record trades and episodes, and let no failure reach the bot in the middle of a trade."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

from .answers import Answer, Question, neutral, read_answer, refusal
from .forks import renewed_after_fork
from .http import Failed, Http
from .journal import Journal
from .positions import Position

RESOLVE, TRADES, EPISODES = "/api/v1/levers/resolve/", "/api/v1/trades/", "/api/v1/telemetry/episodes/"
MOST_QUESTIONS = MOST_RECORDED = 1000
PAUSE = 5.0  # seconds without a request after a server that could not be reached
UNSENT = "unsent"
_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a trade or an episode: `new`, `unchanged`, `corrected`, `refused`, or `unsent` without an answer.

    `external_id` is the bot's own name of it, of an episode its `episode_id`. `errors` names the fields at fault. What
    is unsent may be sent again: what is recorded already is `unchanged`.
    """

    external_id: str
    status: str
    errors: tuple[Mapping[str, Any], ...] = ()
    document: Mapping[str, Any] | None = None


class Client:
    """A bot's line to one server, safe for its threads.

    `url` is the server's address, such as http://127.0.0.1:8000; `key` an API key; `timeout` bounds each wait on the
    connection, in seconds. After a server that cannot be reached, questions are answered neutrally at once for
    `pause` seconds, so that an outage does not cost a timeout per question. `counters` counts answers and faults.
    """

    def __init__(
        self, url: str, key: str, timeout: float = 2.0, *, journal: Journal | None = None, pause: float = PAUSE
    ) -> None:
        if not (math.isfinite(timeout) and timeout > 0):
            raise ValueError("timeout is a number of seconds above 0")
        self._http, self._journal, self._pause = Http(url, key, timeout), journal, pause
        self._paused_until = -math.inf
        self._counters: Counter[str] = Counter()
        self._lock = threading.Lock()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a child process, which counts by itself: a thread of the parent may have held the lock."""
        self._lock, self._counters = threading.Lock(), Counter()

    def close(self, seconds: float = 5.0) -> None:
        """End what runs in the background within `seconds`: nothing here, unlike in a `LocalClient`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> dict[str, int]:
        """How often what happened: `answered`, `recorded`, and one count per kind of fault."""
        with self._lock:
            return dict(self._counters)

    @overload
    def resolve(self, questions: Mapping[str, Any], positions: Position | None = None) -> Answer: ...

    @overload
    def resolve(
        self, questions: Sequence[Mapping[str, Any]], positions: Sequence[Position | None] | None = None
    ) -> list[Answer]: ...

    def resolve(self, questions: Any, positions: Any = None) -> Answer | list[Answer]:
        """Return the levers for one question, or for each of a list; never raises because of the server or the network.

        Where there is no usable answer the levers are neutral, with the reason ERROR and the fault in words. A question
        that the server refuses does not cost the others of its list. With a journal, the decision of each question
        whose position is given is written to it.
        """
        if isinstance(questions, Mapping):
            answer = self._block([questions])[0]
            self._write(questions, answer, positions)
            return answer
        asked: list[Question] = list(questions)
        places: list[Position | None] = list(positions or [None] * len(asked))
        if len(places) != len(asked):
            raise ValueError(f"{len(asked)} questions have {len(places)} positions; give one for each, or None")
        blocks = (asked[start : start + MOST_QUESTIONS] for start in range(0, len(asked), MOST_QUESTIONS))
        answers = [answer for block in blocks for answer in self._block(block)]
        for question, answer, position in zip(asked, answers, places, strict=True):
            self._write(question, answer, position)
        return answers

    def record(self, trades: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Send closed trades and return a receipt for each, in order; a failure is a receipt too, so none is raised."""
        return self._record(TRADES, "external_id", trades)

    def record_episodes(self, episodes: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Send episodes of gates, each after its end, as `record` sends trades; a failure is a receipt too."""
        return self._record(EPISODES, "episode_id", episodes)

    def applied(self, decision_id: str | None, levers: Mapping[str, float]) -> None:
        """Note in the journal that a decision was used, and the values that were applied; a failure is counted."""
        if self._journal is None or decision_id is None:
            return
        try:
            self._journal.applied(decision_id, levers)
        except (OSError, TypeError, ValueError):
            self._count("journal failed")

    # --- questions ----------------------------------------------------------------------------------

    def _block(self, asked: list[Question]) -> list[Answer]:
        """Return the answers to at most MOST_QUESTIONS questions."""
        if not asked:
            return []
        try:
            return self._ask(asked)
        except Failed as failed:
            faults = _refused_questions(failed, len(asked))
            if len(asked) == 1 or not faults:
                return self._neutral(asked, failed)
            return self._ask_rest(asked, faults)

    def _ask(self, asked: list[Question]) -> list[Answer]:
        if time.monotonic() < self._paused_until:
            raise Failed("paused", "the server could not be reached a moment ago")
        try:
            documents = self._http.post(RESOLVE, asked)
        except Failed as failed:
            if failed.kind in ("timeout", "unreachable"):
                self._paused_until = time.monotonic() + self._pause
            raise
        if not isinstance(documents, list) or len(documents) != len(asked):
            raise Failed("unreadable", "the server did not answer each question once")
        answers = [read_answer(question, document) for question, document in zip(asked, documents, strict=True)]
        for answer, document in zip(answers, documents, strict=True):
            self._count("refused" if refusal(document) else "unreadable" if answer.fault else "answered")
        return answers

    def _ask_rest(self, asked: list[Question], faults: Mapping[int, str]) -> list[Answer]:
        """Return neutral answers to the refused questions, and ask the others once more."""
        rest = [question for index, question in enumerate(asked) if index not in faults]
        self._count("refused", len(faults))
        answers: Iterator[Answer] = iter(())
        if rest:
            try:
                answers = iter(self._ask(rest))
            except Failed as failed:
                answers = iter(self._neutral(rest, failed))
        return [
            neutral(question, faults[index]) if index in faults else next(answers)
            for index, question in enumerate(asked)
        ]

    def _neutral(self, asked: Sequence[Question], failed: Failed) -> list[Answer]:
        self._count(failed.kind, len(asked))
        return [neutral(question, str(failed)) for question in asked]

    def _write(self, question: Question, answer: Answer, position: Position | None) -> None:
        if self._journal is None or position is None:
            return
        try:
            self._journal.write(question, answer, position)
        except (OSError, TypeError, ValueError):
            self._count("journal failed")

    # --- trades and episodes ------------------------------------------------------------------------

    def _record(self, path: str, name: str, facts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Send facts, which the bot names by the field `name`, in requests of at most MOST_RECORDED."""
        listed = [facts] if isinstance(facts, Mapping) else list(facts)
        blocks = (listed[start : start + MOST_RECORDED] for start in range(0, len(listed), MOST_RECORDED))
        return [receipt for block in blocks for receipt in self._sent(path, name, block)]

    def _sent(self, path: str, name: str, facts: list[Mapping[str, Any]]) -> list[Receipt]:
        try:
            answer = self._http.post(path, facts)
            results = answer["results"]
            if len(results) != len(facts):
                raise Failed("unreadable", "the server did not answer once for each that was sent")
            receipts = [_receipt(name, fact, result) for fact, result in zip(facts, results, strict=True)]
        except Failed as failed:
            self._count(failed.kind, len(facts))
            return [_unsent(name, fact, str(failed)) for fact in facts]
        except (TypeError, KeyError, AttributeError):
            self._count("unreadable", len(facts))
            return [_unsent(name, fact, "the server's receipts cannot be read") for fact in facts]
        self._count("recorded", len(facts))
        return receipts

    def _count(self, word: str, number: int = 1) -> None:
        if number:
            with self._lock:
                self._counters[word] += number


def _refused_questions(failed: Failed, asked: int) -> dict[int, str]:
    """Return the questions of a list that the server refused, by index, with its words; empty if it names none."""
    errors = failed.document.get("errors") if isinstance(failed.document, dict) else None
    faults: dict[int, str] = {}
    if failed.status == 400 and isinstance(errors, list):
        for error in errors:
            field = str(error.get("field", "")) if isinstance(error, dict) else ""
            found = _INDEX.match(field)
            if found and int(found[1]) < asked:
                faults.setdefault(int(found[1]), f"{field[found.end() :].lstrip('.')}: {error.get('message')}")
    return faults


def _receipt(name: str, fact: Mapping[str, Any], result: Mapping[str, Any]) -> Receipt:
    named = result.get(name) or fact.get(name) or ""
    return Receipt(str(named), str(result["status"]), tuple(result.get("errors") or ()), result)


def _unsent(name: str, fact: Mapping[str, Any], message: str) -> Receipt:
    return Receipt(str(fact.get(name) or ""), UNSENT, ({"field": "", "message": message},))
