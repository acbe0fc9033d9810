"""Counterweight as deployed, any part of which may break.

PostgreSQL, Valkey, two web processes, the stream, a worker for each queue and a beat.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from devkit import servers, services, supervise
from devkit.processes import capture, end, free_port, spawn, wait_until
from devkit.servers import APPLICATION, DATABASE, OWNER, SUPERUSER, Server

SERVERS = ("valkey", "postgresql")
PROCESSES = ("web", "stream", *supervise.WORKERS, "beat")
MAX_STALE_SECONDS = 9.0
TIMEOUT = 30.0


class Deployment:
    """The servers and processes of one installation, by name, in a directory of its own."""

    def __init__(self, home: Path, logs: Path) -> None:
        self.home, self.logs = home, logs
        self.passwords = services.make_passwords()
        self.ports = {name: free_port() for name in (*SERVERS, "web", "stream")}
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
        self.env = inherited | {
            "DATABASE_URL": self.database_url(APPLICATION),
            "REDIS_URL": f"redis://:{self.passwords['valkey']}@127.0.0.1:{self.ports['valkey']}/0",
            "APPLICATION_ROLE": APPLICATION,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DEBUG": "false",
            "DATABASE_CONNECT_SECONDS": "2",  # as in production; other tests wait longer
            "MAX_STALE_SECONDS": str(MAX_STALE_SECONDS),
            "STREAM_URL": f"http://127.0.0.1:{self.ports['stream']}/api/v1/stream/",
            "CELERY_BEAT_SCHEDULE_FILENAME": str(logs / "beat-schedule"),
            "AUDIT_HEAD_FILE": str(logs / "audit-heads.jsonl"),
        }

    def database_url(self, role: str) -> str:
        return f"postgres://{role}:{self.passwords[role]}@127.0.0.1:{self.ports['postgresql']}/{DATABASE}"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    # --- begin and end ------------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Start the named servers and processes; a server answers when this returns."""
        for name in names:
            if name in SERVERS:
                self.children[name] = self._server(name).start(lasting=False)
            else:
                with self._log(name).open("ab") as output:
                    self.children[name] = spawn(self._command(name), self.env, output)

    def stop(self, *names: str) -> None:
        """Stop the named ones in order."""
        for name in names:
            child = self.children[name]
            child.send_signal(servers.STOP.get(name, signal.SIGTERM))
            child.wait(TIMEOUT)

    def kill(self, name: str) -> None:
        """Send SIGKILL, to a server with all its children: what remains of it after a machine failure."""
        family = [self.children[name].pid, *children_of(self.children[name].pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.children[name].wait(TIMEOUT)
        assert wait_until(lambda: not any(is_alive(pid) for pid in family), TIMEOUT)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Freeze a server: it accepts connections and answers nothing."""
        with stopped(self.children[name].pid):
            yield

    def close(self) -> None:
        """End everything: the processes at the same time, then the servers."""
        for name in PROCESSES:
            if name in self.children:
                self.children[name].terminate()
        for name in reversed(list(self.children)):
            end(self.children[name])

    def migrate(self) -> None:
        owner = self.env | {"DATABASE_OWNER_URL": self.database_url(OWNER)}
        capture([sys.executable, "manage.py", "migrate", "--no-input", "--database", "owner"], owner)

    def run(self, module: str) -> Any:
        """Return the JSON that one of our modules prints when it is run beside the processes."""
        return json.loads(capture([sys.executable, "-m", module], self.env).splitlines()[-1])

    def _server(self, name: str) -> Server:
        port = self.ports[name]
        if name == "valkey":
            return servers.valkey(self.home, port, self.passwords[name])
        return servers.postgresql(self.home, self.home / "pg", port, self.passwords, durable=True)

    def _command(self, name: str) -> list[str | Path]:
        if name == "web":
            told: list[str | Path] = [
                "--access-logfile",
                self.logs / "access.log",
                "--access-logformat",
                "%(p)s %({x-request-id}o)s",
            ]
            return [*supervise.WEB, f"127.0.0.1:{self.ports['web']}", *told]
        if name == "stream":
            return [*supervise.STREAM, f"127.0.0.1:{self.ports['stream']}"]
        return list(supervise.BEAT if name == "beat" else supervise.WORKERS[name])

    # --- look ---------------------------------------------------------------------------------------

    def web_processes(self) -> set[int]:
        return set(children_of(self.children["web"].pid))

    def answered_by(self, request_id: str) -> int | None:
        """Return the web process that answered a request, once it has logged it."""
        for line in (self.logs / "access.log").read_text().splitlines():
            pid, _, named = line.partition(" ")
            if named == request_id:
                return int(pid.strip("<>"))
        return None

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a process that are JSON objects."""
        found = []
        for line in self._log(name).read_text(errors="replace").splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
        return [line for line in found if isinstance(line, dict)]

    def query(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return rows as the superuser of this PostgreSQL sees them."""
        with psycopg.connect(self.database_url(SUPERUSER), connect_timeout=5) as session:
            return session.execute(statement, arguments or None).fetchall()

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def children_of(parent: int) -> list[int]:
    """Return the processes that a process has started itself (Linux)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, ppid = status.read_text().rsplit(")", 1)[1].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(int(status.parent.name))
    return found


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process and those that it has started, until the block ends."""
    family = [pid, *children_of(pid)]
    for each in family:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False
