"""Requests to the server: one request, one connection, no redirects, and every failure as one exception."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from .timed_connections import TimedHandler, TimedRequest, TimedSecureHandler

LARGEST_ANSWER = 64 * 1024 * 1024
LONGEST_LINE = 64 * 1024
NOT_MODIFIED = 304
WHOLE = 5  # a whole request may take this many times as long as one wait


class Failed(Exception):
    """The request got no answer that can be used; `kind` is one word for counters, `status` the HTTP status or None.

    `retry_after` are the seconds after which the server wants to be asked again, if it says so.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        status: int | None = None,
        document: object = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.status, self.document, self.retry_after = kind, status, document, retry_after


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, because it would carry the key to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as bytes: its status (200, or 304 if nothing changed) and headers."""

    status: int
    headers: Message
    content: bytes


class Lines:
    """The lines of an answer that goes on; closing it from another thread ends the wait for the next line."""

    def __init__(self, response: Any, request: TimedRequest) -> None:
        self._response, self._request = response, request

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line as it comes. Raises Failed."""
        with _failures(self._request.timeout or 0.0):
            while line := self._response.readline(LONGEST_LINE):
                yield line

    def close(self) -> None:
        """End the connection."""
        for each in self._request.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Http:
    """Requests to one server. Certificates are checked against the system's authorities or those of SSL_CERT_FILE.

    The proxies of the environment are used, except for a server on this machine.
    `timeout` bounds every wait on the connection, in seconds; a whole request takes at most WHOLE times as long.
    """

    def __init__(self, url: str, key: str, timeout: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address; it begins with http:// or https://")
        if not key.isascii() or not key or any(not letter.isprintable() or letter == " " for letter in key):
            raise ValueError("the key is empty or holds blanks or other characters that no key has")
        self._base, self._key, self._timeout = url.rstrip("/"), key, timeout
        handlers: list[urllib.request.BaseHandler] = [
            _NoRedirect(),
            TimedHandler(),
            TimedSecureHandler(ssl.create_default_context()),
        ]
        if _is_this_machine(url):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None, *, seconds: float | None = None
    ) -> Any:
        """Return the JSON that answers a JSON body, at the latest after `seconds`. Raises Failed, and nothing else."""
        with _failures(self._timeout):
            content = json.dumps(body, allow_nan=False, default=_as_text).encode()
            request = self._request(path, {"Content-Type": "application/json", **(headers or {})}, content)
            request.until = time.monotonic() + (WHOLE * self._timeout if seconds is None else seconds)
            with self._opener.open(request, timeout=self._timeout) as response:
                return json.loads(response.read(LARGEST_ANSWER))

    def get(self, path: str, headers: Mapping[str, str], *, seconds: float, most: int) -> Reply:
        """Return the answer to a GET that takes at most `seconds` and has at most `most` bytes. Raises Failed."""
        with _failures(self._timeout):
            request = self._request(path, headers)
            request.until = time.monotonic() + seconds
            try:
                with self._opener.open(request, timeout=self._timeout) as response:
                    content = response.read(most + 1)
                    if len(content) > most:
                        raise Failed("unreadable", f"the answer has more than {most} bytes")
                    return Reply(response.status, response.headers, content)
            except urllib.error.HTTPError as error:
                if error.code != NOT_MODIFIED:
                    raise
                with error:
                    return Reply(error.code, error.headers, b"")

    def lines(self, path: str, *, silence: float) -> Lines:
        """Return the lines of a GET whose answer goes on; it fails after `silence` seconds without a byte."""
        with _failures(silence):
            request = self._request(path, {"Accept": "text/event-stream", "Cache-Control": "no-cache"})
            return Lines(self._opener.open(request, timeout=silence), request)

    def _request(self, path: str, headers: Mapping[str, str], content: bytes | None = None) -> TimedRequest:
        told = {"Authorization": f"Bearer {self._key}", **headers}
        return TimedRequest(f"{self._base}{path}", content, told, method="GET" if content is None else "POST")


@contextmanager
def _failures(timeout: float) -> Iterator[None]:
    """Raise every failure of a request as Failed."""
    try:
        yield
    except Failed:
        raise
    except urllib.error.HTTPError as error:
        raise _refused(error) from None
    except TimeoutError:
        raise Failed("timeout", f"no answer within {timeout:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        is_slow = isinstance(getattr(error, "reason", None), TimeoutError)
        raise Failed("timeout" if is_slow else "unreachable", f"no connection: {error}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise Failed("unreadable", f"the question or the answer is no JSON: {error}") from None


def _is_this_machine(url: str) -> bool:
    """Return whether an address is that of this machine, which no proxy needs to reach.

    >>> _is_this_machine("http://127.0.0.1:8000"), _is_this_machine("https://localhost"), _is_this_machine("http://a.b")
    (True, True, False)
    """
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _refused(error: urllib.error.HTTPError) -> Failed:
    """Return the failure of an HTTP status of 300 or above, with what the server says of it."""
    try:
        with error:
            document = json.loads(error.read(LARGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        document = None
    detail = document.get("detail") if isinstance(document, dict) else None
    kind = "refused" if error.code < 500 else "unavailable"
    if not detail and error.code < 400:
        detail = f"{error.reason} to {error.headers.get('Location')!r:.200}; use the address that it leads to"
    elif not detail and error.code in (401, 403, 404, 405):
        detail = f"{error.reason}, which is no answer of Counterweight's API; is this the server's address?"
    return Failed(
        kind,
        f"HTTP {error.code}: {detail or error.reason}",
        error.code,
        document,
        _seconds(error.headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 6 else None


def _as_text(value: object) -> str:
    """Return times as ISO text; raise TypeError for anything else that JSON does not know."""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} cannot be sent")
