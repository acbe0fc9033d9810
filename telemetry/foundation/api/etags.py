"""Conditional responses: a strong ETag over the response body, and 304 if the caller has it already."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

CACHE_CONTROL = "private, no-cache"


def tagged(request: Request, document: Any) -> HttpResponseBase:
    """Return the document with its ETag, or 304 Not Modified if the request's If-None-Match names it."""
    body = JSONRenderer().render(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(body, content_type="application/json")
    return with_tag(response, etag)


def with_tag(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    """Return the response with its entity tag, to be kept by its caller alone and compared at each request."""
    response["ETag"], response["Cache-Control"] = etag, CACHE_CONTROL
    return response


def held_tags(request: HttpRequest | Request) -> list[str]:
    """Return the entity tags of If-None-Match, for views whose tag is known before their body is made.

    They are compared weakly, as RFC 9110 (13.1.2) requires, so a proxy that weakens a tag does no harm; tags without
    their quotation marks, which some OpenFeature providers send, are understood too.
    """
    listed = [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]
    return [each if each.startswith('"') else f'"{each}"' for each in listed if each]
