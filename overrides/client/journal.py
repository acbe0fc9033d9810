"""A journal of decisions on the bot's disk: one line of JSON for each, only ever appended.

Backtests keep no data of a strategy's own with their trades, so the import finds a trade's decisions here, by pair,
side, strategy and entry bar (`telemetry.core.file_formats.decision_journal` reads it).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .answers import Answer, Question
from .forks import renewed_after_fork
from .positions import Position

FORMAT = 1
LOOKED_BACK = 8_000_000  # bytes at the end of a journal in which unused decisions are looked for
FROM_JOURNAL = "JOURNAL"  # the reason of an answer that was read from a journal


@dataclass(frozen=True, slots=True)
class Unused:
    """A decision of a journal that no order has used yet; `at` is the time of the action it was made for."""

    answer: Answer
    pair: str
    side: str
    strategy: str
    action_category: str
    at: datetime


class Journal:
    """An append-only file, safe for the threads of one process; processes may share it, since lines are written whole.

    Each line is handed to the operating system before `write` returns, so it outlives the process. With `sync` it is
    also on the disk by then and outlives a failure of the machine, at the price of a disk write per decision.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = False) -> None:
        self.path, self._sync = Path(path), sync
        self._lock = threading.Lock()
        self._file: int | None = None
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a child process; the file is shared, since lines are appended whole."""
        self._lock = threading.Lock()

    def write(self, question: Question, answer: Answer, position: Position, now: datetime | None = None) -> None:
        """Append a decision; without a decision id there is nothing to write. Raises OSError.

        `at` of the question is when the action is taken; `now` stands in for it (default: this machine's clock).
        """
        if answer.decision_id is None:
            return
        self._append(_line(question, answer, position, now or datetime.now(UTC)))

    def applied(self, decision_id: str, levers: Mapping[str, float]) -> None:
        """Append that a decision was used, and the values of levers that were applied, where they are known.

        An import attaches them to the action of the decision; the last line for a decision counts. Raises OSError.
        """
        self._append({"format": FORMAT, "decision_id": decision_id, "applied": dict(levers)})

    def unused(self, book: str, since: datetime) -> list[Unused]:
        """Return the newest decision for each position and action category that is not used, oldest first.

        Those of other books or before `since` are left out, and so is everything but the last megabytes of the file. A
        bot that was restarted goes on with them. Raises OSError if the file is there and cannot be read.
        """
        found: dict[tuple[str, ...], Unused] = {}
        used = set()
        for document in self._tail():
            if "applied" in document:
                used.add(document.get("decision_id"))
            elif document.get("book") == book and (each := _unused(document)) is not None:
                key = (each.pair, each.side, each.strategy, each.action_category)
                found.pop(key, None)
                found[key] = each
        return [each for each in found.values() if each.at >= since and each.answer.decision_id not in used]

    def _append(self, document: Mapping[str, object]) -> None:
        line = json.dumps(document, sort_keys=True)
        with self._lock:
            if self._file is None:
                self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
                _end_torn_line(self._file)
            _write_whole(self._file, f"{line}\n".encode())
            if self._sync:
                os.fsync(self._file)

    def _tail(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of whole lines at the end of the file; torn lines are left out."""
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - LOOKED_BACK))
            for line in stream.read().splitlines():
                try:
                    document = json.loads(line)
                except ValueError:
                    continue  # torn, or the first line, of which only an end was read
                if isinstance(document, dict) and document.get("format") == FORMAT:
                    yield document

    def close(self) -> None:
        """Close the file, after its lines have reached the disk. A later `write` opens it again. Raises OSError."""
        with self._lock:
            if self._file is not None:
                descriptor, self._file = self._file, None
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


def _end_torn_line(descriptor: int) -> None:
    """Write a line break where a process that ended while it wrote left none, so that the next line is whole."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        _write_whole(descriptor, b"\n")


def _unused(document: Mapping[str, Any]) -> Unused | None:
    """Return the decision of a line; None if a value of it cannot be used."""
    try:
        levers = {str(name): float(value) for name, value in document["levers"].items()}
        pair, side, strategy, category = (
            str(document[name]) for name in ("pair", "side", "strategy", "action_category")
        )
        at = datetime.fromisoformat(document["at"])
        answer = Answer(levers, FROM_JOURNAL, str(document["decision_id"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return None if at.utcoffset() is None else Unused(answer, pair, side, strategy, category, at)


def _write_whole(descriptor: int, content: bytes) -> None:
    """Write all of `content`; after an incomplete write, a line break keeps the next line whole. Raises OSError."""
    written = os.write(descriptor, content)
    if written < len(content):
        os.write(descriptor, b"\n")
        raise OSError(f"only {written} of {len(content)} bytes could be written")


def _line(question: Question, answer: Answer, position: Position, now: datetime) -> dict[str, object]:
    at = question.get("at") or now
    return {
        "format": FORMAT,
        "decision_id": answer.decision_id,
        "pair": position.pair,
        "side": position.side,
        "strategy": position.strategy,
        "timeframe": position.timeframe,
        "entry_bar": _text(position.entry_bar),
        "module": question.get("module"),
        "pattern_key": question.get("pattern_key"),
        "action_category": question.get("action_category"),
        "book": question.get("book"),
        "at": _text(at),
        "levers": dict(answer.levers),
    }


def _text(at: object) -> str:
    return at.astimezone(UTC).isoformat() if isinstance(at, datetime) else str(at)
