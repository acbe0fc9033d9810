"""Configuration of gunicorn: `gunicorn --config config/gunicorn.py config.wsgi`. Long and slow requests end early."""

from __future__ import annotations

import gc
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

SILENCE_SECONDS = 10

# A client that drips its request holds a thread: 8 of them stopped all of 2 x 4 threads, and leave 24 of these. Only a
# front server that reads requests whole (docs/deploy/nginx.conf) stops any number of them. Each thread that serves may
# hold one connection to PostgreSQL.
workers, threads = 2, 16
worker_class = "config.web_worker.WebWorker"
timeout = 60  # seconds without a heartbeat before a process is replaced; no request takes this long
limit_request_line = limit_request_field_size = 8190  # bytes; a longer address gets 414, a longer header 431


def post_worker_init(worker: Worker) -> None:
    """Limit how long a client may be silent, and load versions and keys before the first request.

    A process that loaded them only on the first request could serve nobody if PostgreSQL failed before it.
    """
    from config.access.api.authentication import KEY_RING
    from overrides.serving.engine import ENGINE_ROOM

    for listener in worker.sockets:
        _limit_silence(listener.sock)
    ENGINE_ROOM.start()
    KEY_RING.start()
    gc.collect()
    gc.freeze()  # the modules live as long as the process; each full collection spent 130 ms on them, in some request


def _limit_silence(listening: Any) -> None:
    """Drop a client that goes silent in the middle of a request, which would otherwise hold a thread forever.

    Accepted sockets inherit the limit from the listening socket.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", SILENCE_SECONDS, 0))
