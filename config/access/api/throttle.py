"""Rate limits: each key has the requests a minute of its role (`API_REQUESTS_PER_MINUTE`), then gets a 429."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.access.api.rate_counters import RATE_COUNTERS
from config.access.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module through its settings


class KeyRate(BaseThrottle):
    """Counts all requests of a key, whatever the endpoint."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        self._wait: float | None = None
        if isinstance(request.auth, ApiKey):
            limit = settings.API_REQUESTS_PER_MINUTE[request.auth.role]
            self._wait = RATE_COUNTERS.take(request.auth.prefix, limit=limit, at=time.time())
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait
