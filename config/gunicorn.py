"""Configuration of gunicorn: `gunicorn --config config/gunicorn.py config.wsgi`. Long and slow requests end early."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # gunicorn has no types
    from gunicorn.workers.base import Worker  # type: ignore[import-untyped]  # as above

SILENCE_SECONDS = 10
LOOK_SECONDS = 0.1  # between two looks whether a new process may accept requests
TURN_SECONDS = 0.001  # that a thread may compute while others wait for their turn
COLLECTIONS = 20_000, 20, 20  # objects, and collections of one generation before one of the next

# A client that drips its request holds a thread: 8 of them stopped all of 2 x 4 threads, and leave 24 of these. Only a
# front server that reads requests whole (docs/deploy/nginx.conf) stops any number of them. Each thread that serves may
# hold one connection to PostgreSQL.
workers, threads = 2, 16
worker_class = "config.web_worker.WebWorker"
timeout = 60  # seconds without a heartbeat before a process is replaced; no request takes this long
limit_request_line = limit_request_field_size = 8190  # bytes; a longer address gets 414, a longer header 431

METRICS = "PROMETHEUS_MULTIPROC_DIR"  # names where the processes keep the numbers that /metrics adds up
MADE = "counterweight-metrics-"


def on_starting(server: Arbiter) -> None:
    """Make the directory of the numbers before any process imports the client, unless one is named."""
    if METRICS not in os.environ:
        os.environ[METRICS] = tempfile.mkdtemp(prefix=MADE)


def on_exit(server: Arbiter) -> None:
    """Remove the numbers with the last process, unless the directory is somebody else's."""
    directory = Path(os.environ[METRICS])
    if directory.name.startswith(MADE):
        shutil.rmtree(directory, ignore_errors=True)


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Tell a process which others were started before it."""
    worker.elders = tuple(server.WORKERS)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Drop the gauges of a process that has ended; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the package leaves it untyped


def worker_exit(server: Arbiter, worker: Worker) -> None:
    """Count the last answers of a process that ends in order."""
    from config.operations.process_metrics import PUBLISHER

    PUBLISHER.close()


def post_worker_init(worker: Worker) -> None:
    """Limit how long a client may be silent, and load views, versions and keys before the first request.

    A process that loaded them only on the first request would keep its callers waiting for it, and could serve nobody
    if PostgreSQL failed before it. It also stores what ended processes have left in files, whether it is
    asked or not.
    """
    from django.urls import reverse

    from config.access.api.authentication import KEY_RING
    from config.operations.process_metrics import PUBLISHER
    from overrides.serving.decisions.decision_queue import QUEUE
    from overrides.serving.engine import ENGINE_ROOM

    for listener in worker.sockets:
        _limit_silence(listener.sock)
    reverse("admin:index")  # imports every view
    ENGINE_ROOM.start()
    KEY_RING.start()
    PUBLISHER.start()
    QUEUE.start()
    take_short_turns()
    settle_memory()
    leave_to_elders(worker, lambda: KEY_RING.has_read)


def leave_to_elders(worker: Worker, is_ready: Callable[[], bool]) -> None:
    """Accept nothing before this process is ready, as long as a process that was started earlier is there to answer.

    Without PostgreSQL a new process knows no key and would refuse bots for whom the others have levers. If there is no
    other, it accepts, and says that the database is away.
    """
    while worker.alive and not is_ready() and any(map(_is_alive, worker.elders)):
        worker.notify()  # or gunicorn replaces it after `timeout`
        time.sleep(LOOK_SECONDS)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def take_short_turns() -> None:
    """Let a thread that compiles a version hand over soon to those that answer.

    Under Python's default of 5 ms an answer that had to wait for its turn a few times took up to 25 ms while 100,000
    overrides compiled; it takes at most 18 ms now, and compiling takes no longer.
    """
    sys.setswitchinterval(TURN_SECONDS)


def settle_memory() -> None:
    """Exempt what is loaded from garbage collection, and collect seldom.

    The modules live as long as the process; each full collection spent 130 ms on them, in some request. What a request
    makes is freed by its reference counts, so that nothing depends on a collection after every 700 objects, which is
    Python's default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)


def _limit_silence(listening: Any) -> None:
    """Drop a client that goes silent in the middle of a request, which would otherwise hold a thread forever.

    Accepted sockets inherit the limit from the listening socket.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", SILENCE_SECONDS, 0))
