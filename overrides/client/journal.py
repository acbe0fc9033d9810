"""A journal of decisions on the bot's disk: one line of JSON for each, only ever appended.

Backtests keep no data of a strategy's own with their trades, so the import finds a trade's decisions here, by pair,
side, strategy and entry bar (`telemetry.core.file_formats.decision_journal` reads it).
"""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from .answers import Answer, Question
from .positions import Position

FORMAT = 1


class Journal:
    """An append-only file, safe for the threads of one process; processes may share it, since lines are written whole.

    Each line is handed to the operating system before `write` returns, so it outlives the process. With `sync` it is
    also on the disk by then and outlives a failure of the machine, at the price of a disk write per decision.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = False) -> None:
        self.path, self._sync = Path(path), sync
        self._lock = threading.Lock()
        self._file: int | None = None

    def write(self, question: Question, answer: Answer, position: Position, now: datetime | None = None) -> None:
        """Append a decision; without a decision id there is nothing to write. Raises OSError.

        `at` of the question is when the action is taken; `now` stands in for it (default: this machine's clock).
        """
        if answer.decision_id is None:
            return
        line = json.dumps(_line(question, answer, position, now or datetime.now(UTC)), sort_keys=True)
        with self._lock:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            _write_whole(self._file, f"{line}\n".encode())
            if self._sync:
                os.fsync(self._file)

    def close(self) -> None:
        """Close the file, after its lines have reached the disk. A later `write` opens it again. Raises OSError."""
        with self._lock:
            if self._file is not None:
                descriptor, self._file = self._file, None
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


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
