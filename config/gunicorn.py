"""How gunicorn serves: `gunicorn --config config/gunicorn.py config.wsgi`. What is too long or too slow ends early."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

SILENCE_SECONDS = 10

workers, threads = 2, 4
timeout = 60  # seconds without a sign of life, after which a process is replaced; no request takes so long
limit_request_line = limit_request_field_size = 8190  # bytes; a longer address is answered 414, a longer header 431


def post_worker_init(worker: Worker) -> None:
    """Limit how long a client may be silent, and know versions and keys before the first question comes.

    A process that began to look only when asked could serve nobody if PostgreSQL went away before that.
    """
    from config.access.api.authentication import KEY_RING
    from overrides.serving.engine import ENGINE_ROOM

    for listener in worker.sockets:
        _limit_silence(listener.sock)
    ENGINE_ROOM.start()
    KEY_RING.start()


def _limit_silence(listening: Any) -> None:
    """Have a client that falls silent in the middle of a request dropped: it would hold a thread for ever.

    Accepted sockets inherit the limit from the one that listens.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", SILENCE_SECONDS, 0))
