"""The stream as a process of its own: it goes on while PostgreSQL is away, and tells of what changed afterwards."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from devkit import supervise
from devkit.processes import end, free_port, spawn
from devkit.servers import SUPERUSER

from tests.builders import wait_until
from tests.outages.conftest import Installation
from tests.outages.deployment import Deployment

SOON = 10.0
HEARTBEAT = 20.0  # a comment comes every 15 s


class Listener:
    """Hears a stream in a thread of its own."""

    def __init__(self, port: int, key: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request("GET", "/api/v1/stream/?module=dm", headers={"Authorization": f"Bearer {key}"})
        self.response = self.connection.getresponse()
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.comments: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the end of the stream."""
        self._thread.join(SOON)
        self.response.close()
        self.connection.close()

    def _hear(self) -> None:
        for line in self.response:
            name, _, value = line.decode().rstrip("\n").partition(":")
            if name == "data":
                self.events.put(json.loads(value))
            elif line.startswith(b":"):
                self.comments.put(value)


@dataclass
class Stream:
    """A process of the stream, and its listeners."""

    port: int
    listeners: list[Listener] = field(default_factory=list)

    def listen(self, key: str) -> Listener:
        self.listeners.append(Listener(self.port, key))
        return self.listeners[-1]

    def health(self) -> Any:
        """Return what the process says of itself; None while it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
        try:
            connection.request("GET", "/healthz")
            return json.loads(connection.getresponse().read())
        except OSError:
            return None
        finally:
            connection.close()


@pytest.fixture
def stream(deployment: Deployment, tmp_path: Path) -> Iterator[Stream]:
    made = Stream(free_port())
    log = tmp_path / "stream.log"
    with log.open("wb") as output:
        child = spawn([*supervise.STREAM, f"127.0.0.1:{made.port}"], deployment.env, output)
    wait_until(lambda: made.health() is not None, f"the stream to answer; it wrote {log}", seconds=60)
    yield made
    end(child)
    for listener in made.listeners:
        listener.close()


def test_goes_on_without_the_database_and_tells_of_a_change_afterwards(
    deployment: Deployment, installation: Installation, stream: Stream
) -> None:
    heard = stream.listen(installation.record_key)
    first = heard.events.get(timeout=SOON)

    deployment.stop("postgresql")
    assert heard.comments.get(timeout=HEARTBEAT) == " no change"
    wait_until(lambda: stream.health()["seconds_since_confirmed"] > 1, "the loss to be noticed", seconds=SOON)
    late = stream.listen(installation.record_key)  # its key is known, and so is the last state
    assert late.events.get(timeout=SOON) == first
    deployment.start("postgresql")
    wait_until(lambda: stream.health()["seconds_since_confirmed"] < 1, "the database to be found again", seconds=30)
    raise_revision(deployment)

    for listener in (heard, late):
        assert listener.events.get(timeout=SOON)["mode_revision"] == first["mode_revision"] + 1


def test_is_not_stopped_by_a_database_that_hangs(
    deployment: Deployment, installation: Installation, stream: Stream
) -> None:
    with deployment.frozen("postgresql"):
        heard = stream.listen(installation.record_key)
        assert heard.events.get(timeout=SOON)["module"] == "dm"
        assert heard.comments.get(timeout=HEARTBEAT) == " no change"
        assert stream.health()["listeners"] == 1


def raise_revision(deployment: Deployment) -> None:
    """Raise the revision of dm's mode past the rules, so that nothing else changes for other tests."""
    with psycopg.connect(deployment.database_url(SUPERUSER), connect_timeout=5) as session:
        session.execute("SET session_replication_role = replica")
        session.execute("UPDATE overrides_modulemode SET revision = revision + 1 WHERE module = 'dm'")
