"""The sockets of listeners: small buffers, and an end to those that are silent at first or never read."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0  # from the connection to the end of the request's headers
SEND_BUFFER = 16 * 1024
LOST_MILLISECONDS = 30_000  # after which data that nobody acknowledges ends the connection

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class ListenerProtocol(H11Protocol):
    """HTTP/1.1 for listeners; what a connection has not taken is bounded in this process and in the kernel."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.access_log = False  # an address may hold a ticket

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its base
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=SEND_BUFFER)
        plain: socket.socket | None = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_MILLISECONDS)
        if self.client is not None:
            _TRANSPORTS[self.client] = transport
        self._patience = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        if self.client is not None:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if self.cycle is None:
            self.transport.abort()


def cut(client: tuple[str, int] | None) -> None:
    """End a connection at once; what it was still to be sent is discarded."""
    if client is not None and (transport := _TRANSPORTS.get((client[0], client[1]))) is not None:
        transport.abort()
