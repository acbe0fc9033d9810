"""Conditional responses: a strong ETag over the response body, and 304 if the caller has it already."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse, HttpResponseBase
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
    response["ETag"], response["Cache-Control"] = etag, CACHE_CONTROL
    return response
