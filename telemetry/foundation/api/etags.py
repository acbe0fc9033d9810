"""Answers that a caller may hold on to: a strong ETag over the very bytes, and 304 to who has them."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

ASK_AGAIN = "private, no-cache"


def tagged(request: Request, document: Any) -> HttpResponseBase:
    """The document, or 304 where If-None-Match names it."""
    body = JSONRenderer().render(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(body, content_type="application/json")
    response["ETag"], response["Cache-Control"] = etag, ASK_AGAIN
    return response
