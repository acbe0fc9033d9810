"""Base class of list endpoints: filters, keyset (cursor) pagination and a time limit.

A page continues after the values of the last row of the page before. Page 10,000 therefore costs as much as page 1, and
rows that arrive meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from telemetry.foundation.api.own_rows import OwnRows
from telemetry.foundation.api.query_parameters import Filters, digits, narrowed, query, whole
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.core.fields import Read
from telemetry.foundation.core.refusal import Refused

USUAL, MOST = 100, 1000
SERIAL: Read[int] = digits(0, 2**63 - 1)
Decorated = TypeVar("Decorated")

LIMIT = OpenApiParameter("limit", whole(1, MOST) | {"default": USUAL}, description="the most rows of one page")
CURSOR = OpenApiParameter(
    "cursor", {"type": "string", "minLength": 1}, description="where the page before ended; `next` has it filled in"
)


class ListView(APIView):
    """Lists rows, newest first, narrowed by `filters`, one page at a time.

    `order` maps the columns of the descending order, which must be unique together, to parsers of their text.
    """

    filters: ClassVar[Filters] = {}
    order: ClassVar[Mapping[str, Read[Any]]] = {"id": SERIAL}
    own_rows: ClassVar[OwnRows | None] = None
    rows: ClassVar[QuerySet[Any]]
    document: ClassVar[type[serializers.Serializer[Any]]]

    def get(self, request: Request, **path: Any) -> Response:
        fields = query(request, (*self.filters, "limit", "cursor"))
        values = {name: fields.take(name, each.read, None) for name, each in self.filters.items()}
        limit: int = fields.take("limit", digits(1, MOST), USUAL)
        position: dict[str, Any] | None = fields.take("cursor", self._position, None)
        fields.close()

        with bounded_reading():
            rows = self.selected({name: value for name, value in values.items() if value is not None}, **path)
            if self.own_rows is not None:
                rows = self.own_rows.of(rows, request)
            if position is not None:
                rows = rows.filter(keyset_after(position))
            found = list(rows.order_by(*(f"-{column}" for column in self.order))[: limit + 1])
            results = self.document(found[:limit], many=True).data
        return Response({"next": self._next(request, found, limit), "results": results})

    def selected(self, chosen: Mapping[str, Any], **path: Any) -> QuerySet[Any]:
        """Return the rows that match the filters; `chosen` holds the values of those that were sent."""
        return narrowed(self.rows.all(), self.filters, chosen)

    def _position(self, value: object) -> dict[str, Any]:
        """Parse a cursor: the column values of the last row of the page before. Raises Refused."""
        try:
            words = json.loads(base64.urlsafe_b64decode(str(value)))
            texts = [word for word in words if isinstance(words, list) and isinstance(word, str)]
            return {column: read(word) for (column, read), word in zip(self.order.items(), texts, strict=True)}
        except (ValueError, TypeError, RecursionError):
            advice = "is no cursor of this list; leave it out to begin anew, then follow `next`"
            raise Refused.because(advice) from None

    def _next(self, request: Request, found: list[Model], limit: int) -> str | None:
        if len(found) <= limit:
            return None
        last = found[limit - 1]
        words = json.dumps([_text(getattr(last, column)) for column in self.order])
        cursor = base64.urlsafe_b64encode(words.encode()).decode()
        return replace_query_param(request.build_absolute_uri(), "cursor", cursor)


def keyset_after(position: Mapping[str, Any]) -> Q:
    """Return the condition for rows that come after a position in descending order of its columns.

    The condition on the first column alone is redundant; it lets PostgreSQL start from an index.

    >>> keyset_after({"at": 2, "id": 7})
    <Q: (AND: ('at__lte', 2), (OR: ('at__lt', 2), (AND: ('at', 2), ('id__lt', 7))))>
    """
    first, *_ = position
    lower, equal = Q(), dict[str, Any]()
    for column, value in position.items():
        lower |= Q(**equal, **{f"{column}__lt": value})
        equal[column] = value
    return Q(**{f"{first}__lte": position[first]}) & lower


def list_schema(
    operation_id: str,
    summary: str,
    document: type[serializers.Serializer[Any]],
    filters: Filters,
    description: str = "",
    statuses: tuple[int, ...] = (400, 503),
    named: Sequence[OpenApiParameter] = (),
) -> Callable[[Decorated], Decorated]:
    """Document a list endpoint in the OpenAPI schema: its filters, cursor, page and problem responses."""
    page = inline_serializer(
        f"{document.__name__.removesuffix('Serializer')}Page",
        {
            "next": serializers.URLField(allow_null=True, help_text="the next page; null at the end"),
            "results": document(many=True),
        },
    )
    parameters = [each.parameter(name) for name, each in filters.items()]
    return extend_schema(  # type: ignore[return-value]  # generic in what it decorates, on both sides
        operation_id=operation_id,
        summary=summary,
        description=description,
        parameters=[*named, *parameters, LIMIT, CURSOR],
        responses={200: page, **problems(*statuses)},
    )


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
