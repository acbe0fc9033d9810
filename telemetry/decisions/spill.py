"""Decisions on disk that the database did not take in time: written beside the queue, stored when the database is back.

Each process has one file, locked while it lives. A file without a living process is that of one that ended before it
could store it; any process that finds it stores it. What another user of the machine could have written is left alone,
and a line that is no decision, such as one cut off by a crash, is logged and passed over.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from telemetry.decisions.decision_rows import DecisionRecord
from telemetry.foundation.core.canonical_json import fact_json

logger = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024 * 1024  # about 150,000 decisions
FIELDS = tuple(field.name for field in fields(DecisionRecord))


class SpillFull(OSError):
    """The file has reached its size; what it cannot take is logged."""


class UnsafeFolder(OSError):
    """Others may write to the directory, or it is not ours: they could plant decisions, or read them."""


class Spill:
    """One process's file of decisions in a directory; safe to use from several threads."""

    def __init__(self, directory: Path, most_bytes: int = MOST_BYTES) -> None:
        self._directory, self._most = directory, most_bytes
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._file_name = directory
        self._read = 0  # bytes of the file that have been taken
        self._adopted: list[tuple[Path, IO[bytes]]] = []
        self._owner = 0  # the process that opened the file: a forked one needs its own
        self.unreadable = 0  # lines that were no decisions

    def write(self, records: Sequence[DecisionRecord]) -> None:
        """Append decisions, or none of them. Raises OSError if the disk or the file cannot take them."""
        content = "".join(f"{to_line(each)}\n" for each in records).encode()
        with self._lock:
            file = self._opened()
            start = file.seek(0, os.SEEK_END)
            if start + len(content) > self._most:
                raise SpillFull(f"{self._directory} holds {start:,} bytes for this process, which is the most")
            try:
                file.write(content)
                file.flush()
            except OSError:
                os.ftruncate(file.fileno(), start)
                raise

    def take(self, most: int) -> list[DecisionRecord]:
        """Remove and return up to `most` decisions: of files that no process holds, then of this process's own.

        A file is emptied once all of it has been read; a process that ends before leaves decisions that are stored
        already, which storing them again finds out.
        """
        with self._lock:
            if not self._adopted:
                self._adopted = list(self._orphans())
            while self._adopted:
                path, file = self._adopted[-1]
                if found := self._read_lines(file, most):
                    return found
                path.unlink(missing_ok=True)
                file.close()
                self._adopted.pop()
            if self._file is None or self._owner != os.getpid():
                return []
            self._file.seek(self._read)
            found = self._read_lines(iter(self._file.readline, b""), most)
            self._read = self._file.tell()
            if self._read == os.fstat(self._file.fileno()).st_size:
                os.ftruncate(self._file.fileno(), 0)
                self._read = 0
            return found

    def release(self) -> None:
        """Leave the file to other processes; an empty one is removed."""
        with self._lock:
            if self._file is not None and self._owner == os.getpid():
                if not os.fstat(self._file.fileno()).st_size:
                    self._file_name.unlink(missing_ok=True)
                self._file.close()
            self._file = None

    @property
    def bytes_held(self) -> int:
        """The bytes that wait in this process's file."""
        file = self._file
        return 0 if file is None or self._owner != os.getpid() else os.fstat(file.fileno()).st_size - self._read

    def _read_lines(self, lines: Iterable[bytes], most: int) -> list[DecisionRecord]:
        """Return up to `most` decisions of the next lines; none only at the end."""
        found: list[DecisionRecord] = []
        for line in lines:
            try:
                found.append(from_line(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                self.unreadable += 1
                logger.error("a line of a file of decisions is no decision (%s): %.2000r", error, line)
            if len(found) == most:
                break
        return found

    def _opened(self) -> IO[bytes]:
        if self._file is None or self._owner != os.getpid():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_unsafe(self._directory)
            name = self._directory / f"{os.getpid()}-{os.urandom(4).hex()}.jsonl"
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._file, self._file_name = os.fdopen(descriptor, "r+b"), name
            self._owner, self._read, self._adopted = os.getpid(), 0, []
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._file

    def _orphans(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """Yield the files that no process holds, locked from here on."""
        try:
            _refuse_unsafe(self._directory)
        except FileNotFoundError:
            return
        except UnsafeFolder as error:
            logger.error("decisions in files are not read: %s", error)
            return
        for path in sorted(self._directory.glob("*.jsonl")):
            try:
                file = os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b")
            except OSError as error:  # gone in the meantime, a link, or another user's
                logger.warning("%s is not read: %s", path.name, error)
                continue
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                logger.error("%s is not read: it is another user's", path.name)
                file.close()
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                yield path, file


def _refuse_unsafe(directory: Path) -> None:
    """Raise UnsafeFolder unless the directory is ours alone to write; FileNotFoundError where there is none."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise UnsafeFolder(f"{directory} is a link, or another user's; name a folder of ours in DECISION_SPILL_DIR")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnsafeFolder(f"others may write to {directory}; take that right from them (chmod go-w)")


def to_line(record: DecisionRecord) -> str:
    """Return a decision as one line of JSON, which `from_line` reads."""
    return fact_json({name: getattr(record, name) for name in FIELDS})


def from_line(line: str | bytes) -> DecisionRecord:
    """Return the decision of a line."""
    found = json.loads(line)
    found |= {
        "decision_id": UUID(found["decision_id"]),
        "at": datetime.fromisoformat(found["at"]),
        "flags": tuple(found["flags"]),
    }
    return DecisionRecord(**found)
