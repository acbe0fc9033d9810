"""One thread that reads the states of all modules for all listeners, and speaks up when one differs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from django.db import Error, connection

from config.access.api.authentication import KEY_RING
from overrides.serving.clients.module_states import ModuleState, read_states
from overrides.versions.publish import CHANNEL

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
CLOSE_SECONDS = 2.0

States = Mapping[str, ModuleState]


class Watcher:
    """Reads the states each half second, and at once when PostgreSQL notifies of a new version.

    While PostgreSQL is unreachable nothing is published, and listeners keep what they know. `publish` is called in the
    thread of the watcher.
    """

    def __init__(self, publish: Callable[[States], object]) -> None:
        self._publish = publish
        self._states: States = {}
        self._confirmed_at: float | None = None
        self._listening: object = None  # the connection on which notifications arrive
        self._closing, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stream-watcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until the states have been read, or could not be read, for the first time."""
        self._tried.wait(seconds)

    def close(self) -> None:
        """End the thread; one that waits for a database which hangs ends with the process."""
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)

    @property
    def stale_seconds(self) -> float | None:
        """The seconds since the database last confirmed the states; None before the first time."""
        return None if self._confirmed_at is None else time.monotonic() - self._confirmed_at

    def _watch(self) -> None:
        while not self._closing.is_set():
            KEY_RING.start()  # here, so that no caller waits for the first reading of keys
            try:
                self._look()
                self._tried.set()
                self._pause()
            except Error as error:
                logger.warning("the states of modules could not be read: %s", str(error).strip())
                connection.close()
                self._tried.set()
                self._closing.wait(POLL_SECONDS)
        connection.close()

    def _look(self) -> None:
        states = read_states()
        self._confirmed_at = time.monotonic()
        if states != self._states:
            self._states = states
            self._publish(states)

    def _pause(self) -> None:
        """Wait until the next reading is due or a new version is notified. Raises django.db.Error."""
        with connection.wrap_database_errors:
            if self._listening is not connection.connection:
                with connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {CHANNEL}")
                self._listening = connection.connection
            for _ in connection.connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass
