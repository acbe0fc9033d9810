"""`/api/v1/docs/`: the API schema as a readable page, rendered on the server without scripts or other sites."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.schema import schema_document
from telemetry.foundation.api.query_parameters import query

Schema = Mapping[str, Any]
METHODS = ("get", "post")


class PageRenderer(JSONRenderer):
    """Lets a browser request HTML; errors are still rendered as JSON."""

    media_type = "text/html"


class DocumentationView(APIView):
    """Serves the documentation page, without authentication."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    renderer_classes = (PageRenderer, JSONRenderer)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        query(request).close()
        return HttpResponse(_page())


@cache
def _page() -> str:
    """Render the page once for each process; it is the same for everybody."""
    document = schema_document()
    shapes = document["components"]["schemas"]
    return render_to_string(
        "api/docs_page.html",
        {
            "title": document["info"]["title"],
            "says": prose(document["info"]["description"]),
            "operations": list(_operations(document["paths"])),
            "shapes": [
                {
                    "name": name,
                    "says": prose(shape.get("description", "")),
                    "type": _type(shape),
                    "fields": _fields(shape),
                }
                for name, shape in sorted(shapes.items())
            ],
        },
    )


def _operations(paths: Schema) -> Iterator[dict[str, Any]]:
    """Yield the operations as the template shows them."""
    for path, methods in paths.items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                body = operation.get("requestBody", {}).get("content", {})
                yield {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "says": prose(operation.get("description", "")),
                    "parameters": [_parameter(each) for each in operation.get("parameters", ())],
                    "body": _contents(body),
                    "examples": [
                        (each.get("summary", name), json.dumps(each["value"], indent=2))
                        for media in body.values()
                        for name, each in media.get("examples", {}).items()
                    ],
                    "responses": [
                        (status, prose(response.get("description", "")), _contents(response.get("content", {})))
                        for status, response in operation["responses"].items()
                    ],
                }


def _parameter(parameter: Schema) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "where": parameter["in"],
        "type": _type(parameter["schema"]),
        "says": prose(parameter.get("description", "")),
    }


def _fields(shape: Schema) -> list[dict[str, Any]]:
    required = shape.get("required", ())
    return [
        {"name": name, "type": _type(each), "says": prose(each.get("description", "")), "is_required": name in required}
        for name, each in shape.get("properties", {}).items()
    ]


def _contents(content: Schema) -> SafeString:
    return format_html_join(
        " or ", "{}", ((_type(media["schema"]),) for media in content.values() if "schema" in media)
    )


def _type(schema: Schema) -> SafeString:
    """Return a type as text, with a link if it has a name.

    >>> _type({"type": "array", "items": {"type": ["number", "null"]}})
    'list of number or null'
    >>> _type({"type": ["array", "null"], "items": {"type": "string"}})
    'list of string or null'
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return format_html('<a href="#{0}">{0}</a>', name)
    for joint, key in ((" or ", "oneOf"), (" or ", "anyOf"), (" and ", "allOf")):
        if key in schema:
            return format_html_join(joint, "{}", ((_type(each),) for each in schema[key]))
    if "enum" in schema:
        return format_html_join(" | ", "<code>{}</code>", ((_word(each),) for each in schema["enum"]))
    types = schema.get("type", "anything")
    if "array" in types and "items" in schema:
        return format_html("list of {}{}", _type(schema["items"]), " or null" if "null" in types else "")
    if types == "object" and isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
        return format_html("object of {}", _type(schema["additionalProperties"]))
    text = " or ".join(types) if isinstance(types, list) else types
    return format_html("{}{}", text, f" ({schema['format']})" if "format" in schema else "")


def _word(value: object) -> str:
    return "null" if value is None else repr(value) if value == "" else str(value)


def prose(text: str) -> SafeString:
    """Return text as HTML paragraphs, with `code` marked up.

    >>> prose("a `b` < c")
    '<p>a <code>b</code> &lt; c</p>'
    """
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    marked = (re.sub("`([^`]+)`", r"<code>\1</code>", conditional_escape(part.strip())) for part in paragraphs)
    return mark_safe("".join(f"<p>{part}</p>" for part in marked))  # escaped above
