"""Error responses as RFC 9457 problem details: what is wrong, in which field, and how to fix it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from psycopg import errors
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from telemetry.foundation.api.json_parser import CODINGS, Encoded
from telemetry.foundation.core.refusal import Refusal, Refused, json_pointer, refusals_as_json

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"

# Replacements, with advice, for DRF's general messages. Exceptions raised with a message of our own keep it.
DETAILS: dict[type[Exception], str] = {
    exceptions.NotAuthenticated: "no key was sent; send `Authorization: Bearer cw_…`",
    exceptions.UnsupportedMediaType: "this content type is not read; send `Content-Type: application/json`",
    exceptions.NotAcceptable: "only JSON is sent; ask for `Accept: application/json`",
    exceptions.MethodNotAllowed: "this method is not allowed here; the Allow header names those that are",
    Http404: "there is nothing at this address; GET /api/v1/schema/ lists what there is",
}


class DatabaseAway(exceptions.APIException):
    """The database is unreachable."""

    status_code = 503
    default_detail = "the database is away, so nothing was written or read; send the same request again later"


class Unfinished(exceptions.APIException):
    """The connection ended before the whole body had arrived."""

    status_code = 408
    default_detail = "the body stopped coming before its end, so nothing was done; send the same request again"


class TooSlow(exceptions.APIException):
    """PostgreSQL cancelled a statement that exceeded its time limit."""

    status_code = 503

    def __init__(self, *, is_write: bool) -> None:
        seconds = settings.API_WRITE_SECONDS if is_write else settings.API_STATEMENT_SECONDS
        less = (
            "nothing was written; send less at a time"
            if is_write
            else "ask for less: a smaller limit, or narrower filters"
        )
        super().__init__(f"stopped after {seconds:g} s; {less}")


class Locked(exceptions.APIException):
    """A row lock was not available within its time limit."""

    status_code = 503

    def __init__(self) -> None:
        super().__init__(
            f"what it touches was being written by somebody else for {settings.API_LOCK_SECONDS:g} s, so nothing was "
            "written; send the same request again later"
        )


def problem(status: int, detail: str, *, errors: Sequence[Refusal] = ()) -> dict[str, Any]:
    """Return the body of a problem response."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = refusals_as_json(errors)
    return body


def listed_problem(status: int, detail: str, refused: Refused) -> dict[str, Any]:
    """Return the problem that stands in a list at the place of an item; its errors point into the request's body."""
    body = problem(status, detail, errors=refused.refusals)
    for error in body["errors"]:
        error["pointer"] = json_pointer(error["field"])
    return body


def problem_response(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: Refused becomes a 400 that names each field; other exceptions keep their status."""
    if isinstance(exception, Refused):
        body = problem(400, "the request is not acceptable; `errors` names each field", errors=exception.refusals)
        return Response(body, status=400, content_type=CONTENT_TYPE)
    exception = _as_api_exception(exception, is_write=context["request"].method == "POST")
    response = exception_handler(exception, context)
    if response is None:
        return None
    if isinstance(exception, DatabaseAway | Locked):
        response["Retry-After"] = RETRY_AFTER_SECONDS
    if isinstance(exception, Encoded):
        response["Accept-Encoding"] = CODINGS  # RFC 9110, section 12.5.3
    if isinstance(exception, Unfinished):
        response["Connection"] = "close"  # bytes of the body that arrive later are not the next request
    response.data = problem(response.status_code, _detail(exception, response.data))
    response.content_type = CONTENT_TYPE
    return response


def _as_api_exception(exception: Exception, *, is_write: bool) -> Exception:
    """Translate a failed connection to the caller or the database into the API exception that reports it."""
    if isinstance(exception, UnreadablePostError):
        return Unfinished()
    if not isinstance(exception, OperationalError | InterfaceError):
        return exception
    if isinstance(exception.__cause__, errors.QueryCanceled):
        return TooSlow(is_write=is_write)
    if isinstance(exception.__cause__, errors.LockNotAvailable):
        return Locked()
    logger.warning("the database is away: %s", exception)
    return DatabaseAway()


def _detail(exception: Exception, data: Any) -> str:
    """Return our message for the exception, or else the one of DRF; several are joined."""
    if isinstance(exception, exceptions.Throttled):
        wait = math.ceil(getattr(exception, "wait", None) or 1)
        return f"this key has used up its requests; wait {wait} s, and send lists where lists are taken"
    detail = DETAILS.get(type(exception))
    return detail or ("; ".join(map(str, data)) if isinstance(data, list) else str(data.get("detail", data)))
