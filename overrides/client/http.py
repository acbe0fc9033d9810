"""Send JSON to the server: one request, one connection, no redirects, and every failure as one exception."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

LARGEST_ANSWER = 64 * 1024 * 1024


class Failed(Exception):
    """The request got no answer that can be used; `kind` is one word for counters, `status` the HTTP status or None."""

    def __init__(self, kind: str, message: str, status: int | None = None, document: object = None) -> None:
        super().__init__(message)
        self.kind, self.status, self.document = kind, status, document


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, because it would carry the key to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Http:
    """Requests to one server. Certificates are checked against the system's authorities or those of SSL_CERT_FILE.

    The proxies of the environment are used, except for a server on this machine.
    `timeout` bounds every wait on the connection, in seconds.
    """

    def __init__(self, url: str, key: str, timeout: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address; it begins with http:// or https://")
        if not key.isascii() or not key or any(not letter.isprintable() or letter == " " for letter in key):
            raise ValueError("the key is empty or holds blanks or other characters that no key has")
        self._base, self._key, self._timeout = url.rstrip("/"), key, timeout
        handlers: list[urllib.request.BaseHandler] = [
            _NoRedirect(),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        ]
        if _is_this_machine(url):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON that answers a JSON body. Raises Failed, and nothing else."""
        try:
            content = json.dumps(body, allow_nan=False, default=_as_text).encode()
            told = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **(headers or {})}
            request = urllib.request.Request(f"{self._base}{path}", content, told, method="POST")
            with self._opener.open(request, timeout=self._timeout) as response:
                return json.loads(response.read(LARGEST_ANSWER))
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except TimeoutError:
            raise Failed("timeout", f"no answer within {self._timeout:g} s") from None
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
    return Failed(kind, f"HTTP {error.code}: {detail or error.reason}", error.code, document)


def _as_text(value: object) -> str:
    """Return times as ISO text; raise TypeError for anything else that JSON does not know."""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} cannot be sent")
