"""Web, stream, workers and beat, kept running by a supervisor that outlives the terminal.

Their output goes to one log, each line prefixed with the name of its process. A process that ends is restarted, soon
the first time and then at growing intervals. SIGTERM ends all of them in order, then the supervisor.
"""

from __future__ import annotations

import http.client
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from typing import IO

from . import state
from .console import Refused, say, step
from .environment import PYTHON
from .planted import is_planted
from .processes import Command, PidFile, end, free_port, is_free, spawn, wait_until
from .servers import tail

LOG = state.LOGS / "processes.log"
SUPERVISOR = PidFile(state.HOME / "supervisor.pid")


def _module(command: str) -> Command:
    return [PYTHON, "-m", *command.split()]


# One worker of all queues, where nothing else must be on time.
WORKER = _module("celery -A config worker --concurrency 2 --loglevel INFO")
# As deployed: each queue has workers of its own, so that long work delays nothing that must be on time.
WORKERS = {
    "worker": _module("celery -A config worker -Q celery -n worker@%h --concurrency 1 --loglevel INFO"),
    "facts": _module("celery -A config worker -Q facts -n facts@%h --concurrency 1 --loglevel INFO"),
    "long": _module("celery -A config worker -Q long -n long@%h --concurrency 1 --loglevel INFO"),
}
BEAT = _module("celery -A config beat --pidfile= --loglevel INFO")
WEB = _module("gunicorn --config config/gunicorn.py config.wsgi --no-control-socket --bind")
STREAM = _module("config.stream --bind")

_PORT, _STREAM_PORT = "port of web", "port of stream"
_FIRST_PORT, _LAST_PORT = (8100, 8199) if is_planted() else (8000, 8099)
_LONGEST_PAUSE = 30.0  # seconds before a process is restarted
_STEADY_AFTER = 60.0  # seconds after which a process counts as recovered
_SHUTDOWN_SECONDS = 30.0  # for a worker to finish its current task

_log = logging.getLogger("processes")


def choose_port(wanted: int | None = None) -> int:
    """Return the port of the web process, which stays the same from the first start on. Raises Refused.

    It is 8000 if that is free at the first start, otherwise the next free port, or the one that is wanted.
    """
    kept = int(state.recall(_PORT) or 0)
    if wanted is None and not kept:
        port = next(filter(is_free, range(_FIRST_PORT, _LAST_PORT + 1)), None) or free_port()
        if port != _FIRST_PORT:
            say(
                f"  port {_FIRST_PORT} is taken: this checkout uses {port} from now on; ./dev start --port N changes it"
            )
    else:
        port = wanted or kept
        if not is_free(port):
            raise Refused(f"port {port} is taken by another program: end that, or choose one: ./dev start --port N")
    if port != kept:
        state.remember(_PORT, str(port))
    return port


def start(env: dict[str, str], port: int) -> str:
    """Start all of them in the background; return the address of web once it answers. Raises Refused."""
    stop()
    stream_port = free_port(int(state.recall(_STREAM_PORT) or 0))
    state.remember(_STREAM_PORT, str(stream_port))
    told = {"STREAM_URL": stream_address()} | env
    with step("starting web, stream, workers and beat"), LOG.open("ab") as log:
        command: Command = [sys.executable, state.ROOT / "dev", "supervise", str(port), str(stream_port)]
        child = subprocess.Popen(
            command, env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        SUPERVISOR.write(child.pid)
        has_answered = wait_until(lambda: answers(port) and answers(stream_port), 60)
    if not has_answered:
        stop()
        raise Refused(f"the web process or the stream does not answer; {LOG} ends:\n{tail(LOG)}")
    return f"http://127.0.0.1:{port}"


def stream_address() -> str:
    """Return the address at which clients hear of changes: that of STREAM_URL, or else of the process started here."""
    return os.environ.get("STREAM_URL") or f"http://127.0.0.1:{state.recall(_STREAM_PORT)}/api/v1/stream/"


@contextmanager
def web(env: Mapping[str, str]) -> Iterator[str]:
    """Run only the web process for one command; yield its address once it answers. Raises Refused."""
    port = free_port()
    log = state.LOGS / "web.log"
    with log.open("wb") as output:
        child = spawn([*WEB, f"127.0.0.1:{port}"], env, output)
    try:
        if not wait_until(lambda: answers(port), 60):
            raise Refused(f"the web process does not answer; {log} ends:\n{tail(log)}")
        yield f"http://127.0.0.1:{port}"
    finally:
        end(child)


def stop() -> None:
    """Stop the supervisor and its processes."""
    if SUPERVISOR.pid() is not None:
        with step("stopping web, stream, workers and beat"):
            SUPERVISOR.stop(signal.SIGTERM, timeout=_SHUTDOWN_SECONDS + 10)


def supervise(port: int, stream_port: int) -> None:
    """Run the supervisor; it returns after SIGTERM, when all processes have ended."""
    stop_signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop_signals.append(number))
    rotating = RotatingFileHandler(LOG, maxBytes=10_000_000, backupCount=2)
    logging.basicConfig(handlers=[rotating], format="%(message)s", level=logging.INFO)
    programs = [
        Program("web", [*WEB, f"127.0.0.1:{port}"]),
        Program("stream", [*STREAM, f"127.0.0.1:{stream_port}"]),
        *(Program(name, command) for name, command in WORKERS.items()),
        Program("beat", BEAT),
    ]
    with selectors.DefaultSelector() as outputs:
        while not stop_signals:
            for program in programs:
                program.keep_running(outputs)
            _relay(outputs)
        children = [program.child for program in programs if program.child is not None]
        for child in children:
            child.terminate()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        while time.monotonic() < deadline and any(child.poll() is None for child in children):
            _relay(outputs)
        for child in children:
            end(child, timeout=0)


@dataclass
class Program:
    """One of the processes, and when it may be restarted."""

    name: str
    command: Command
    child: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    unfinished: bytes = b""

    def keep_running(self, outputs: selectors.BaseSelector) -> None:
        """Start the process if it is due; schedule its restart if it has ended."""
        now = time.monotonic()
        if self.child is not None and self.child.poll() is not None:
            self.failures = 1 if now - self.started_at > _STEADY_AFTER else self.failures + 1
            pause = min(_LONGEST_PAUSE, 2.0 ** (self.failures - 1))
            _log.info("%-6s | ended with code %s, starts again in %.0f s", self.name, self.child.returncode, pause)
            self.child, self.due_at = None, now + pause
        if self.child is None and now >= self.due_at:
            self.child, self.started_at = spawn(self.command, os.environ, subprocess.PIPE), now
            assert self.child.stdout is not None
            outputs.register(self.child.stdout, selectors.EVENT_READ, self)

    def log_output(self, output: bytes) -> None:
        """Log the complete lines of the output, and keep an incomplete one for later."""
        *lines, self.unfinished = (self.unfinished + output).split(b"\n")
        for line in lines:
            _log.info("%-6s | %s", self.name, line.decode(errors="replace"))


def _relay(outputs: selectors.BaseSelector) -> None:
    """Log output of the processes, waiting for it for at most half a second."""
    for key, _ in outputs.select(timeout=0.5):
        pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]  # keep_running registers pipes only
        output = os.read(pipe.fileno(), 65_536)
        if output:
            key.data.log_output(output)
        else:
            outputs.unregister(pipe)
            pipe.close()


def answers(port: int) -> bool:
    """Return whether a web process answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
