"""What local clients say they serve, written once a second by a thread of its own, so that no poll waits for it.

A client is listed under the name that it gives itself and the API key that it polls with, so that none can report in
the name of another, and each key has a bounded number of names, so that none crowds out those of others.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

from django.db import Error, close_old_connections, connection

from overrides.models import ServingConfirmation
from overrides.serving.clients.snapshot_tag import State
from overrides.serving.confirmations import confirm

logger = logging.getLogger(__name__)

SECONDS = 1.0
MOST_CLIENTS = 10_000  # that wait to be written; further ones are counted, and not listed on the mode page
MOST_OF_KEY = 500  # names of one key within NAMES_SECONDS; the same holds for further ones
NAMES_SECONDS = 300.0
IDLE_ROUNDS = 60  # after which the thread ends; the next report starts another


class ClientConfirmations:
    """The newest report of each client and module, on its way to the database."""

    def __init__(self, *, seconds: float = SECONDS, most: int = MOST_CLIENTS, most_of_key: int = MOST_OF_KEY) -> None:
        self._seconds, self._most, self._most_of_key = seconds, most, most_of_key
        self._names: dict[str, set[str]] = {}
        self._names_since = time.monotonic()
        self._waiting: dict[tuple[str, str], tuple[State, datetime]] = {}
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def note(self, client: str, key: str, module: str, state: State, at: datetime) -> None:
        """Take up a report of a client that polls with the key of a prefix; return at once."""
        client = f"{client}, key {key}"
        with self._lock:
            is_listed = (client, module) in self._waiting or len(self._waiting) < self._most
            if not is_listed or not self._is_name(client, key):
                self.dropped += 1
                return
            self._waiting[client, module] = state, at
            if self._thread is None or not self._thread.is_alive():
                self._closing.clear()
                self._thread = threading.Thread(target=self._run, name="client-confirmations", daemon=True)
                self._thread.start()

    def _is_name(self, client: str, key: str) -> bool:
        """Return whether a key may use a name: one that it has used lately, or one of not too many."""
        if time.monotonic() - self._names_since > NAMES_SECONDS:
            self._names, self._names_since = {}, time.monotonic()
        names = self._names.setdefault(key, set())
        if len(names) < self._most_of_key:
            names.add(client)
        return client in names

    def flush(self) -> None:
        """Write what waits. Raises django.db.Error; what is not written by then is dropped: the next poll says it."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for (client, module), (state, at) in sorted(waiting.items()):
            confirm(ServingConfirmation.Kind.CLIENT, client, {module: state}, at)

    def close(self) -> None:
        """Stop the thread; what waits is dropped."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        idle = 0
        while idle < IDLE_ROUNDS and not self._closing.wait(self._seconds):
            idle = 0 if self._waiting else idle + 1
            if not self._waiting:
                continue
            close_old_connections()
            try:
                self.flush()
            except Error as error:
                logger.warning("what clients serve was not kept: %s", error)
        connection.close()


CLIENTS = ClientConfirmations()
