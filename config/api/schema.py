"""`/api/v1/schema/`: the OpenAPI document, generated once for each process, without authentication."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.documented_limits import limits
from telemetry.foundation.api.etags import tagged
from telemetry.foundation.api.query_parameters import query


@cache
def schema_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document as plain JSON values."""
    generator = SchemaGenerator(api_version="v1")  # type: ignore[no-untyped-call]  # the package has no types
    document: dict[str, Any] = json.loads(json.dumps(generator.get_schema(request=None, public=True), default=str))  # type: ignore[no-untyped-call]  # as above
    document["info"]["description"] += f"\n\n{limits()}"
    for shape in _request_schemas(document):
        shape["additionalProperties"] = False
    return document


def _request_schemas(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of request bodies, which refuse unknown fields; responses may gain fields."""
    shapes = document["components"]["schemas"]
    bodies = [each.get("requestBody") for methods in document["paths"].values() for each in methods.values()]
    pending, seen = [json.dumps(bodies)], set[str]()
    while pending:
        for name in set(re.findall('"#/components/schemas/([^"]+)"', pending.pop())) - seen:
            seen.add(name)
            pending.append(json.dumps(shapes[name]))
            if "properties" in shapes[name]:
                yield shapes[name]


class SchemaView(APIView):
    """Serves the schema without authentication: it is not secret, and clients are written before they have a key."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    schema = None

    def get(self, request: Request) -> HttpResponseBase:
        query(request).close()
        return tagged(request, schema_document())
