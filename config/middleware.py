"""Middleware for every request: a request id and a log line, a length check, and a 503 without PostgreSQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string

from config.access.api.authentication import KeyUser
from config.operations.logs import log_event
from telemetry.foundation.api.problem_details import CONTENT_TYPE, RETRY_AFTER_SECONDS, problem
from telemetry.foundation.api.problem_details import DatabaseAway as DatabaseAwayProblem
from telemetry.foundation.api.short_view import ShortAnswer
from telemetry.foundation.http_metrics import note_request
from telemetry.foundation.request_id import accepted, request_id, set_request_id

logger = structlog.get_logger(__name__)

HEADER, META_NAME = "X-Request-ID", "HTTP_X_REQUEST_ID"
Handler = Callable[[HttpRequest], HttpResponseBase]
Answer = TypeVar("Answer", bound=HttpResponseBase | ShortAnswer)


class RequestLog(Generic[Answer]):
    """Gives each request an id (the caller's, if valid), returns it in a header, and logs one line at the end."""

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Answer:
        began = time.perf_counter()
        set_request_id(accepted(request.META.get(META_NAME)))
        try:
            response = self.get_response(request)
            response.headers[HEADER] = request_id()
            seconds = time.perf_counter() - began
            note_request(_route(request), request.method or "", response.status_code, seconds)
            log_event(
                __name__,
                logging.ERROR if response.status_code >= 500 else logging.INFO,
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                milliseconds=round(seconds * 1000, 1),
                who=_who(request),
            )
            return response
        finally:
            set_request_id("")


class RequireContentLength:
    """Answers 411 to a body without Content-Length, which nothing below would read; an empty body has a meaning."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            body = problem(411, "the length of the body is not told; send it whole, with a Content-Length header")
            return JsonResponse(body, status=411, content_type=CONTENT_TYPE, headers={"Connection": "close"})
        return self.get_response(request)


class DatabaseAway:
    """Answers 503 with Retry-After if a view needed PostgreSQL and it is unavailable."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.warning("the database is away", error=str(exception).strip())
        headers = {"Retry-After": RETRY_AFTER_SECONDS, "Cache-Control": "no-store"}
        if request.path.startswith(("/api/", "/ofrep/")):
            body = problem(503, DatabaseAwayProblem.default_detail)
            return JsonResponse(body, status=503, content_type=CONTENT_TYPE, headers=headers)
        return HttpResponse(render_to_string("503.html", {"path": request.path}), status=503, headers=headers)


def _route(request: HttpRequest) -> str:
    """Return the name of the route by which a request is counted: one for all pages of the admin."""
    match = request.resolver_match
    if match is None:
        return "unknown"
    return "admin" if match.app_name == "admin" or match.route.startswith("admin/") else match.view_name


def _who(request: HttpRequest) -> str | None:
    """Return the key's prefix or the person's name if already loaded, because a log line must not cost a query."""
    user = request.__dict__.get("user")
    if type(user) is KeyUser:  # isinstance() would load Django's lazy user
        return user.pk
    person = getattr(request, "_cached_user", None)  # set by Django once the session's user is loaded
    return person.get_username() or None if person is not None else None
