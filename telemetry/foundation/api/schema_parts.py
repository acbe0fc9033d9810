"""OpenAPI parts of request bodies and problem responses. They only document; the strict readers in `core` validate."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from telemetry.foundation.core.fields import LARGEST


def named_id(name: str, kind: Any, description: str) -> OpenApiParameter:
    """Document a path parameter that names a thing."""
    return OpenApiParameter(name, kind, OpenApiParameter.PATH, description=description)


def words(longest: int, description: str = "", *, required: bool = False) -> serializers.CharField:
    """Document a text field, as `telemetry.foundation.core.fields.text` parses it."""
    return serializers.CharField(
        min_length=1, max_length=longest, required=required, allow_null=not required, help_text=description or None
    )


def number(
    description: str = "", *, low: float = -LARGEST, high: float = LARGEST, required: bool = False
) -> serializers.FloatField:
    """Document a number field, as `telemetry.foundation.core.fields.finite` parses it."""
    return serializers.FloatField(
        min_value=low, max_value=high, required=required, allow_null=not required, help_text=description or None
    )


class RefusalSerializer(serializers.Serializer[Any]):
    """One refused field and the reason."""

    field = serializers.CharField(help_text="JSON path, e.g. `[3].actions[1].rr_after`; empty: the value itself")
    message = serializers.CharField(help_text="what is wrong, and the way out")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="what is wrong, and the way out")
    errors = RefusalSerializer(many=True, required=False)  # type: ignore[assignment]  # a declared field


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Return the problem responses of an operation, in addition to those that every operation has."""
    words = {
        400: "The request cannot be used; `errors` names each field.",
        401: "No live key was sent.",
        403: "The key's role does not allow it.",
        404: "There is no such thing.",
        406: "Something else than JSON was asked for.",
        408: "The body stopped coming before its end.",
        409: "The same request is being worked on.",
        411: "The length of the body is not told.",
        413: "The body is too large.",
        415: "The body is not `application/json`, plain or as gzip.",
        422: "The Idempotency-Key was used for another request.",
        429: "The key has used up its requests; `Retry-After` says when there are more.",
        503: "The database is away or was too slow; `detail` says what helps.",
    }
    return {
        (status, "application/problem+json"): OpenApiResponse(ProblemSerializer, words[status])
        for status in sorted({401, 403, 406, 429, *statuses})
    }


def sent(name: str, value: object, description: str = "") -> OpenApiExample:
    """Return an example of a request body; a test sends each of them."""
    return OpenApiExample(name, value, request_only=True, description=description)
