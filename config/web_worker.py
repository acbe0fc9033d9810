"""The worker class of the web processes: gunicorn's threads, whose loop never waits for a client to hang up."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

LINGER_SECONDS = 2.0
LINGER_BYTES = 65_536


class WebWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Wait for a client to hang up in the thread that answered it.

    After an answer that ends a connection, RFC 9112 section 9.6 asks a server to read on until the client hangs up, so
    that the answer is not lost. Gunicorn 27 does this, for up to two seconds, in the one thread that accepts all
    connections: one client that keeps its end open stops the whole process for that long.
    """

    def handle(self, conn: Any) -> Any:
        """Answer one request; True keeps the connection, False leaves a closed one for gunicorn to tidy up."""
        kept = super().handle(conn)
        if kept is False:
            linger(conn.sock)
        return kept


def linger(connection: socket.socket) -> None:
    """Tell the client that nothing more comes, read on until it hangs up or the limits are reached, and shut down.

    The socket itself stays open, for gunicorn closes it; reading from it then ends at once.
    """
    deadline = time.monotonic() + LINGER_SECONDS
    left = LINGER_BYTES
    with suppress(OSError):  # the client has gone, or says nothing more
        connection.shutdown(socket.SHUT_WR)
        while left > 0 and (seconds := deadline - time.monotonic()) > 0:
            connection.settimeout(seconds)
            if not (read := connection.recv(4096)):
                break
            left -= len(read)
    with suppress(OSError):  # already shut down
        connection.shutdown(socket.SHUT_RDWR)
