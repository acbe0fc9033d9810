"""Rate limits: each key has the requests a minute of its role (`API_REQUESTS_PER_MINUTE`), then gets a 429."""

from __future__ import annotations

import math
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.access.api.rate_counters import RATE_COUNTERS, WINDOW_SECONDS, Rate
from config.access.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module through its settings


class KeyRate(BaseThrottle):
    """Counts all requests of a key, whatever the endpoint; the answer tells where the key stands (`rate_headers`)."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiKey):
            return True
        limit = settings.API_REQUESTS_PER_MINUTE[request.auth.role]
        rate = RATE_COUNTERS.take(request.auth.prefix, limit=limit, at=time.time())
        request._request.rate = rate  # type: ignore[attr-defined]  # for `rate_headers`
        self._wait = rate.seconds
        return rate.is_allowed

    def wait(self) -> float | None:
        return self._wait


def rate_headers(request: HttpRequest, headers: MutableMapping[str, str]) -> None:
    """Add the fields of draft-ietf-httpapi-ratelimit-headers-10 to the answer of a request that was counted."""
    rate: Rate | None = getattr(request, "rate", None)
    if rate is not None:
        headers["RateLimit-Policy"] = f'"key";q={rate.limit};w={WINDOW_SECONDS}'
        headers["RateLimit"] = f'"key";r={rate.remaining};t={math.ceil(rate.seconds)}'
