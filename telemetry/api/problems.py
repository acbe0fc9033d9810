"""Every refusal as RFC 9457 problem details: what is wrong, which field, and the way out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from telemetry.core.refusal import Refusal, Refused

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"

# What DRF says in general terms, with the way out. Exceptions raised with words of our own keep them.
WAYS_OUT: dict[type[Exception], str] = {
    exceptions.NotAuthenticated: "no key was sent; send `Authorization: Bearer cw_…`",
    exceptions.UnsupportedMediaType: "this content type is not read; send `Content-Type: application/json`",
    exceptions.NotAcceptable: "only JSON is sent; ask for `Accept: application/json`",
    exceptions.MethodNotAllowed: "this method is not allowed here; the Allow header names those that are",
    Http404: "there is nothing at this address; GET /api/v1/schema/ lists what there is",
}


class DatabaseAway(exceptions.APIException):
    status_code = 503
    default_detail = "the database is away, so nothing was written or read; send the same request again later"


def problem(status: int, detail: str, *, errors: Sequence[Refusal] = ()) -> dict[str, Any]:
    """The body of a problem response."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{"field": error.field, "message": error.message} for error in errors]
    return body


def problem_response(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: our refusals are 400s that name their fields; DRF's own keep their status."""
    if isinstance(exception, Refused):
        body = problem(400, "the request is not acceptable; `errors` names each field", errors=exception.refusals)
        return Response(body, status=400, content_type=CONTENT_TYPE)
    if isinstance(exception, OperationalError | InterfaceError):
        logger.warning("the database is away: %s", exception)
        response = exception_handler(DatabaseAway(), context)
        if response is not None:
            response["Retry-After"] = RETRY_AFTER_SECONDS
    else:
        response = exception_handler(exception, context)
    if response is None:
        return None
    response.data = problem(response.status_code, WAYS_OUT.get(type(exception)) or _words(response.data))
    response.content_type = CONTENT_TYPE
    return response


def _words(data: Any) -> str:
    """What DRF made of an exception: a detail, or a list of them."""
    return "; ".join(map(str, data)) if isinstance(data, list) else str(data.get("detail", data))
