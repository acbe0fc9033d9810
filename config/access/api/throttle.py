"""Rate limits: each key has the requests a minute of its role (`API_REQUESTS_PER_MINUTE`), then gets a 429."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
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

    def allow_request(self, request: Request | HttpRequest, view: APIView) -> bool:
        key = request.auth  # type: ignore[union-attr]  # set by `authenticate`'s caller
        if not isinstance(key, ApiKey):
            return True
        plain = request if isinstance(request, HttpRequest) else request._request
        rate: Rate | None = getattr(plain, "rate", None)  # a request is counted once, whatever looks at it again
        if rate is None:
            limit = settings.API_REQUESTS_PER_MINUTE[key.role]
            rate = RATE_COUNTERS.take(key.prefix, limit=limit, at=time.time())
            plain.rate = rate  # type: ignore[attr-defined]  # for `rate_headers`
        self._wait = rate.seconds
        return rate.is_allowed

    def wait(self) -> float | None:
        return self._wait


def rate_headers(request: HttpRequest) -> Sequence[tuple[str, str]]:
    """Return the fields of draft-ietf-httpapi-ratelimit-headers-10 for the answer to a request that was counted."""
    rate: Rate | None = getattr(request, "rate", None)
    if rate is None:
        return ()
    return (
        ("RateLimit-Policy", f'"key";q={rate.limit};w={WINDOW_SECONDS}'),
        ("RateLimit", f'"key";r={rate.remaining};t={math.ceil(rate.seconds)}'),
    )
