"""`python -m config.stream --bind 127.0.0.1:8001`: the process that streams changes."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence

import django
import uvicorn

SPARE_CONNECTIONS = 64  # beyond the listeners, for those that are refused and for `/healthz`
GRACE_SECONDS = 5


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM, then end every stream, so that clients connect to the next process."""
    parser = argparse.ArgumentParser(prog="python -m config.stream", description=__doc__)
    parser.add_argument("--bind", default="127.0.0.1:8001", metavar="HOST:PORT", help="where to listen")
    host, _, port = parser.parse_args(arguments).bind.rpartition(":")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    server(host, int(port)).run()


def server(host: str, port: int) -> uvicorn.Server:
    """Return the server of a new stream; Django must be set up."""
    from django.conf import settings

    from config.stream.application import Stream
    from config.stream.connections import ListenerProtocol

    stream = Stream()
    config = uvicorn.Config(
        stream,
        host=host,
        port=port,
        http=ListenerProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.STREAM_CONNECTIONS + SPARE_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )

    class Server(uvicorn.Server):
        """A server that ends its streams before it waits for connections to end."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stream.listeners.close()
            await super().shutdown(sockets)

    return Server(config)


if __name__ == "__main__":
    main(sys.argv[1:])
