"""The short way of API requests: past sessions, cookies, CSRF, messages and static files, which only pages need.

A key in a header authenticates the API, so no cookie is read and no request can be forged by a browser. What matters
for JSON stays: HTTPS, HSTS and nosniff (`SecurityMiddleware` stands before this one), the check of the host, a policy
that lets a browser do nothing with an answer, and a length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import ResolverMatch

from config.access.api.throttle import rate_headers
from config.middleware import DatabaseAway
from telemetry.foundation.api.compression import compress
from telemetry.foundation.api.short_view import ShortAnswer

Handler = Callable[[HttpRequest], HttpResponseBase]
Headers = list[tuple[str, str]]

ROOTS = ("/api/", "/ofrep/")
PAGES = frozenset({"/api/v1/docs", "/api/v1/docs/"})  # documents for people; they keep what pages have
POLICY = "default-src 'none'; frame-ancestors 'none'"
POLICIES = (("Content-Security-Policy", POLICY), ("X-Frame-Options", "DENY"))  # a browser may do nothing with an answer


class ShortWay:
    """Hands what lies below /api/ and /ofrep/ to its view and everything else to the middleware that follows."""

    def __init__(self, get_response: Handler) -> None:
        self._pages = get_response
        views = _Views()
        self._api = convert_exception_to_response(views.respond)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_for_machines(request.path):
            return self._pages(request)
        request.get_host()  # raises DisallowedHost, as CommonMiddleware does
        response = cast(HttpResponseBase, self._api(request))  # no view of ours is asynchronous
        for name, value in finished(request, response):
            response.headers[name] = value
        return response


def finished(request: HttpRequest, response: HttpResponseBase | ShortAnswer) -> Headers:
    """Compress an answer and state its length; return the fields that every answer has beside its own."""
    if isinstance(response, HttpResponse | ShortAnswer):
        compress(request, response)
        response.headers["Content-Length"] = str(len(response.content))
    return [*POLICIES, *rate_headers(request)]


def is_for_machines(path: str) -> bool:
    """Return whether an address is answered for programs: below /api/ or /ofrep/, without the page of documentation.

    >>> is_for_machines("/api/v1/levers/resolve/"), is_for_machines("/api/v1/docs/"), is_for_machines("/admin/")
    (True, False, False)
    """
    return path.startswith(ROOTS) and path not in PAGES


class _Views(BaseHandler):
    """Django's own handler of addresses and views, without middleware that hooks into views."""

    def __init__(self) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = [DatabaseAway(self.respond).process_exception]
        self._plain: dict[str, ResolverMatch] = {}

    def respond(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response of the view that the address names."""
        response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]  # the stubs lack it
        return response

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Return the view of an address; one without arguments is remembered, because there are only so many."""
        match = self._plain.get(request.path_info)
        if match is None:
            match = super().resolve_request(request)
            if not match.args and not match.kwargs:
                self._plain[request.path_info] = match
        else:
            request.resolver_match = match
        return match
