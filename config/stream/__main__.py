"""`python -m config.stream --bind 127.0.0.1:8001`: the process that streams changes."""

from __future__ import annotations

import argparse
import os
import resource
import socket
import sys
from collections.abc import Sequence

import django
import uvicorn

SPARE_CONNECTIONS = 64  # beyond the listeners, for those that are refused and for `/healthz`
OTHER_FILES = 100  # of the interpreter, the loop and the database
GRACE_SECONDS = 5


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM, then end every stream, so that clients connect to the next process."""
    parser = argparse.ArgumentParser(prog="python -m config.stream", description=__doc__)
    parser.add_argument("--bind", default="127.0.0.1:8001", metavar="HOST:PORT", help="where to listen")
    host, _, port = parser.parse_args(arguments).bind.rpartition(":")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    _allow_connections()
    server(host, int(port)).run()


def _allow_connections() -> None:
    """Raise the limit of open files, often 1,024, so that each listener may have one; exit where it cannot be."""
    from django.conf import settings

    needed = settings.STREAM_CONNECTIONS + SPARE_CONNECTIONS + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            sys.exit(f"{needed} files may be open at once with STREAM_CONNECTIONS; the limit of this process is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


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
