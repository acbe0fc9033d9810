"""Every refusal as RFC 9457 problem details: what is wrong, which field, and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from telemetry.core.refusal import Refusal, Refused

CONTENT_TYPE = "application/problem+json"


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
    response = exception_handler(exception, context)
    if response is None:
        return None
    detail = exception.detail if isinstance(exception, APIException) else response.status_text
    text = (
        "; ".join(map(str, detail)) if isinstance(exception, ValidationError) and isinstance(detail, list) else detail
    )
    response.data = problem(response.status_code, str(text))
    response.content_type = CONTENT_TYPE
    return response
