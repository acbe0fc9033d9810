"""Connections that end at a moment, however slowly the other side sends: a timeout alone bounds each wait, not all."""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
import time
import urllib.request
from typing import Any


class TimedRequest(urllib.request.Request):
    """A request that has to be over by the monotonic time `until`; `sockets` are those opened for it."""

    until: float = math.inf

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.sockets: list[socket.socket] = []


class _Reader(io.RawIOBase):
    """Reads from a socket until a moment; raises TimeoutError after it."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock, self._until, self._timeout = sock, until, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _wait_at_most(self._sock, self._until, self._timeout)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedSocket:
    """What http.client uses of a socket."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock, self._until, self._timeout = sock, until, sock.gettimeout()

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._until))

    def sendall(self, content: bytes) -> None:
        _wait_at_most(self._sock, self._until, self._timeout)
        self._sock.sendall(content)

    def close(self) -> None:
        self._sock.close()


def _wait_at_most(sock: socket.socket, until: float, timeout: float | None) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the request took too long")
    if left < math.inf:
        sock.settimeout(left if timeout is None else min(left, timeout))


class _TimedConnection(http.client.HTTPConnection):
    def __init__(self, *args: Any, request: TimedRequest, **named: Any) -> None:
        super().__init__(*args, **named)
        self._request = request

    def connect(self) -> None:
        super().connect()
        self._request.sockets.append(self.sock)
        self.sock = _TimedSocket(self.sock, self._request.until)


class _TimedSecureConnection(_TimedConnection, http.client.HTTPSConnection):
    pass


class TimedHandler(urllib.request.HTTPHandler):
    """Opens http addresses with connections that end in time."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_TimedConnection, req, request=req)  # type: ignore[arg-type]  # a class is such a function


class TimedSecureHandler(urllib.request.HTTPSHandler):
    """Opens https addresses with connections that end in time; certificates are checked by the context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._checked = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_TimedSecureConnection, req, context=self._checked, request=req)  # type: ignore[arg-type]  # as above
