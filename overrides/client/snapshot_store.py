"""Snapshots on the bot's disk, so that it starts from the last good one, and knows how old that is."""

from __future__ import annotations

import json
import math
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from .local_engine import LocalEngine

CONFIRMED_EVERY = 10.0  # seconds between two notes of when a snapshot was last confirmed


class SnapshotStore:
    """A directory with one snapshot for each module, and a note of when the server last confirmed it.

    Both are replaced as a whole, so a crash leaves the one before. The content proves itself by its hashes; the note is
    believed only for the tag that it names, and not if it lies in the future.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory)
        self._noted: dict[str, tuple[str, float]] = {}

    def path(self, module: str) -> Path:
        """Return where the snapshot of a module lies."""
        return self._directory / f"{module}.snapshot"

    def read(self, module: str) -> bytes | None:
        """Return the bytes of the saved snapshot; None if there is none. Raises OSError."""
        with suppress(FileNotFoundError):
            return self.path(module).read_bytes()
        return None

    def age(self, engine: LocalEngine) -> float:
        """Return the seconds since the server last confirmed the saved state; infinite if that is not known."""
        try:
            note = json.loads(self._note(engine.module).read_bytes())
            confirmed_at = float(note["confirmed_at"]) if note["tag"] == engine.tag else math.nan
        except (OSError, ValueError, TypeError, KeyError):
            return math.inf
        age = time.time() - confirmed_at
        return age if age >= 0 else math.inf  # a clock that was set back, or no note of this state

    def save(self, engine: LocalEngine, age: float) -> None:
        """Write a state, and that it was confirmed `age` seconds ago. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._replace(self.path(engine.module), engine.content)
        self._noted.pop(engine.module, None)
        self.confirm(engine, age)

    def confirm(self, engine: LocalEngine, age: float) -> None:
        """Note that the saved state was confirmed `age` seconds ago, at most every few seconds. Raises OSError."""
        tag, noted_at = self._noted.get(engine.module, ("", -math.inf))
        if tag == engine.tag and time.monotonic() - noted_at < CONFIRMED_EVERY:
            return
        note = {"tag": engine.tag, "confirmed_at": time.time() - age}
        self._replace(self._note(engine.module), json.dumps(note).encode())
        self._noted[engine.module] = engine.tag, time.monotonic()

    def _note(self, module: str) -> Path:
        return self._directory / f"{module}.confirmed.json"

    def _replace(self, path: Path, content: bytes) -> None:
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
