"""`/metrics`: what Prometheus reads, for whoever has the token of the setting METRICS_TOKEN; nobody without one.

The address of a caller grants nothing: behind a front server on the same machine everybody comes from there.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST

from config.operations.database_metrics import DatabaseMetrics
from config.operations.process_metrics import publish_process_metrics
from telemetry.foundation.metrics import exposition

PREFIX = "Bearer "


def metrics_page(request: HttpRequest) -> HttpResponse:
    """Answer with every metric; 404 where no token is set, 401 to a caller without it."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("no METRICS_TOKEN is set\n", status=404, content_type="text/plain")
    sent = request.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), f"{PREFIX}{settings.METRICS_TOKEN}".encode()):
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("send the token\n", status=401, content_type="text/plain", headers=headers)
    publish_process_metrics()
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(exposition(DatabaseMetrics()), content_type=CONTENT_TYPE_LATEST, headers=headers)
