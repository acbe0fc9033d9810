"""A deployment of its own: PostgreSQL and Valkey that may be stopped and killed, and web, worker and beat on them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from celery import Celery

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / ".ci"))

from devkit import servers, services  # noqa: E402  # found by the line above
from devkit.console import Refused  # noqa: E402
from devkit.processes import end, free_port, spawn, wait_until  # noqa: E402

MAX_STALE_SECONDS = 9
PREPARE = """
import django; django.setup()
import json
from datetime import UTC, datetime
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from config.access.keys import issue_key
from telemetry.core.canonical import utc_text
from tests.builders import make_spec, publish, set_mode

call_command("migrate", database="owner", verbosity=0)
now = datetime.now(UTC)
publish(make_spec(stats={"updated_at": utc_text(now)}), at=now)
set_mode("on", at=now)
person = Client()
person.force_login(User.objects.create_superuser("root"))
key = issue_key(name="bot", role="record", by=None, at=now)[1]
print(json.dumps({"key": key, "session": person.cookies["sessionid"].value}))
"""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Deployment:
    """Where everything is, and how to reach it."""

    home: Path
    passwords: Mapping[str, str] = field(default_factory=services.make_passwords)
    ports: Mapping[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("web", "postgresql", "valkey")}
    )
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    key: str = ""
    session: str = ""

    # --- servers

    def start(self, name: str) -> None:
        """Start or start again; after a kill PostgreSQL waits for what the dead one left behind."""
        refusals: list[Refused] = []
        if not wait_until(lambda: self._starts(name, refusals), 30):
            raise refusals[-1]

    def stop(self, name: str) -> None:
        servers.stop(self.home, name)
        self.children.pop(name).wait(10)

    def kill(self, name: str) -> None:
        child = self.children.pop(name)
        child.kill()
        child.wait(10)

    def _starts(self, name: str, refusals: list[Refused]) -> bool:
        port = self.ports[name]
        if name == "postgresql":
            server = servers.postgresql(self.home, self.home / "pg", port, self.passwords, durable=False)
        else:
            server = servers.valkey(self.home, port, self.passwords[name])
        try:
            self.children[name] = server.start(lasting=False)
        except Refused as refusal:
            refusals.append(refusal)
            return False
        return True

    # --- processes

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self._database_url(servers.APPLICATION),
            "DATABASE_OWNER_URL": self._database_url(servers.OWNER),
            "APPLICATION_ROLE": servers.APPLICATION,
            "REDIS_URL": self.redis_url,
            "DEBUG": "false",
            "LOG_LEVEL": "INFO",
            "MAX_STALE_SECONDS": str(MAX_STALE_SECONDS),
            "CELERY_BEAT_SCHEDULE_FILENAME": str(self.home / "beat-schedule"),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def redis_url(self) -> str:
        return f"redis://:{self.passwords['valkey']}@127.0.0.1:{self.ports['valkey']}/0"

    def _database_url(self, role: str) -> str:
        return f"postgres://{role}:{self.passwords[role]}@127.0.0.1:{self.ports['postgresql']}/{servers.DATABASE}"

    def python(self, *arguments: str) -> str:
        """What a command prints that runs as the processes do."""
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a process has logged: one JSON object a line, but for what gunicorn's own parent says."""
        lines = (self.home / f"{name}.out").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    # --- questions

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """A request as a bot or, below /admin/, as the person who is logged in."""
        sent = {"Cookie": f"sessionid={self.session}"} if path.startswith("/admin/") else {}
        if path.startswith("/api/"):
            sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["web"], timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent | headers)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, told, response.read(), time.monotonic() - began)
        finally:
            connection.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database_url(servers.OWNER)) as connection:
            return connection.execute(query).fetchall()

    def deliver(self, task: str, **kwargs: object) -> None:
        """Send a task as the beat does."""
        with Celery(broker=self.redis_url) as app:
            app.send_task(task, kwargs=kwargs)


@contextmanager
def deployed() -> Iterator[Deployment]:
    """All of it, migrated, with a version in force, a key and a person; gone afterwards."""
    with services.throw_away_home() as home:
        deployment = Deployment(home)
        deployment.start("postgresql")
        deployment.start("valkey")
        made = json.loads(deployment.python("-c", PREPARE))
        deployment.key, deployment.session = made["key"], made["session"]
        programs = {
            "web": f"gunicorn config.wsgi --threads 4 --no-control-socket --bind 127.0.0.1:{deployment.ports['web']}",
            "worker": "celery -A config worker --concurrency 1 --loglevel INFO",
            "beat": "celery -A tests.config.impatient beat --pidfile= --loglevel INFO",
        }
        try:
            for name, command in programs.items():
                with (home / f"{name}.out").open("wb") as output:
                    words = [sys.executable, "-m", *command.split()]
                    deployment.children[name] = spawn(words, deployment.environment(), output)
            yield deployment
        finally:
            for name in programs.keys() & deployment.children.keys():
                deployment.children[name].terminate()
            for name in programs.keys() & deployment.children.keys():
                end(deployment.children[name], patience=10)
            for name in deployment.children.keys() - programs.keys():
                deployment.stop(name)
