"""The application that gunicorn serves: Django's, with a short way for the usual request to a `ShortView`.

A bot asks for levers many times a second. For such a request Django's handler, its signals and its middleware do more
than the answer itself takes, and find nothing to do. So it is answered here, by the same view, authentication, limits
and headers. Whatever is unusual or refused is handed to Django, which starts again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import DisallowedHost
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import Resolver404, ResolverMatch, resolve

from config.middleware import DatabaseAway, RequestLog
from config.short_way import Headers, finished, is_for_machines
from telemetry.foundation.api.short_view import ShortAnswer, ShortView

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REQUEST = "counterweight.request"  # key in the environment of a request that is handed on
MOST_HOSTS = 100  # names that are remembered


class Unusual(Exception):
    """Django is to answer this request."""


class ShortHandler(WSGIHandler):
    """Answers usual requests by themselves and hands all others to Django."""

    def __init__(self) -> None:
        super().__init__()
        self._security = SecurityMiddleware(_nothing)
        self._away = DatabaseAway(_nothing)
        self._logged = RequestLog(self._answer)
        self._own = _OwnConnection()
        self._protecting: dict[bool, Headers] = {}
        self._hosts: set[tuple[str | None, str | None]] = set()

    def __call__(  # type: ignore[override]  # a server asks for no more
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and not environ.get("SCRIPT_NAME"):
            match = short_match(environ.get("PATH_INFO", ""))
            if match is not None:
                request = environ[REQUEST] = WSGIRequest(environ)
                request.resolver_match = match
                try:
                    return self._send(request, self._logged(request), start_response)
                except Unusual:
                    pass
        return super().__call__(environ, start_response)

    @staticmethod
    def request_class(environ: WSGIEnvironment) -> WSGIRequest:  # type: ignore[override]  # Django calls it
        """Return a request that the short way has looked at: its body is read, and its rate counted, once."""
        found: WSGIRequest | None = environ.pop(REQUEST, None)
        return WSGIRequest(environ) if found is None else found

    def _answer(self, request: HttpRequest) -> ShortAnswer | HttpResponse:
        """Return what the view answers. Raises Unusual if Django is to do so."""
        if "HTTP_TRANSFER_ENCODING" in request.META or (self._security.redirect and not request.is_secure()):
            raise Unusual
        self._check_host(request)
        assert request.resolver_match is not None
        view: ShortView[Any] = request.resolver_match.func.cls()  # type: ignore[attr-defined]  # DRF puts it there
        response: ShortAnswer | HttpResponse | None
        try:
            response = view.usual(request)
        except Exception as error:
            response = self._away.process_exception(request, error) or response_for_exception(request, error)
        finally:
            if not self._own.connection.in_atomic_block:
                self._own.connection.close_if_unusable_or_obsolete()
        if response is None:
            raise Unusual
        return response

    def _check_host(self, request: HttpRequest) -> None:
        """Raise Unusual for a host that Django refuses; it is asked once about each name that it accepts."""
        sent = request.META.get("HTTP_HOST"), request.META.get("HTTP_X_FORWARDED_HOST")
        if sent in self._hosts:
            return
        try:
            request.get_host()
        except DisallowedHost as error:
            raise Unusual from error
        if sent[0] and len(self._hosts) < MOST_HOSTS:
            self._hosts.add(sent)

    def _send(
        self, request: HttpRequest, response: ShortAnswer | HttpResponse, start_response: StartResponse
    ) -> list[bytes]:
        of_all = finished(request, response)
        start_response(
            f"{response.status_code} {response.reason_phrase}",
            [*response.headers.items(), *of_all, *self._protection(request)],
        )
        return [response.content]

    def _protection(self, request: HttpRequest) -> Headers:
        """Return the headers of Django's middleware that protect every answer alike."""
        is_secure = request.is_secure()
        if is_secure not in self._protecting:
            response = HttpResponse()
            del response.headers["Content-Type"]
            self._protecting[is_secure] = list(self._security.process_response(request, response).items())
        return self._protecting[is_secure]


class _OwnConnection(threading.local):
    """The database connection of each thread, found once: Django looks it up anew at each use, which takes longer."""

    def __init__(self) -> None:
        self.connection = connections[DEFAULT_DB_ALIAS]


@lru_cache(1_000)
def short_match(path: str) -> ResolverMatch | None:
    """Return the view of an address if it is a `ShortView` without arguments."""
    if not is_for_machines(path):
        return None
    try:
        match = resolve(path)
    except Resolver404:
        return None
    view = getattr(match.func, "cls", None)
    is_short = isinstance(view, type) and issubclass(view, ShortView) and not (match.args or match.kwargs)
    return match if is_short else None


def _nothing(request: HttpRequest) -> HttpResponse:
    raise AssertionError("this middleware is asked for its rules alone")
