"""What the process of the stream counts about itself for Prometheus, at its own `/metrics` (docs/operations.md)."""

from __future__ import annotations

import hmac
import math

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from config.stream.callers import NotAdmitted

_REGISTRY = CollectorRegistry()
_LISTENERS = Gauge("counterweight_stream_listeners", "Listeners now.", registry=_REGISTRY)
_MOST = Gauge("counterweight_stream_most_listeners", "Listeners that are taken at most.", registry=_REGISTRY)
_AGE = Gauge(
    "counterweight_stream_confirmed_age_seconds", "Time since the database confirmed the states.", registry=_REGISTRY
)
REFUSED = Counter(
    "counterweight_stream_refused", "Requests that were refused, by status.", ("status",), registry=_REGISTRY
)
CUT = Counter("counterweight_stream_cut", "Listeners that were cut off because they did not read.", registry=_REGISTRY)


def exposition(authorization: str, *, listeners: int, bound: int, stale_seconds: float | None) -> str:
    """Return the metrics as text, for whoever sends the setting METRICS_TOKEN. Raises NotAdmitted."""
    if not settings.METRICS_TOKEN:
        raise NotAdmitted(404, "no METRICS_TOKEN is set; set one to read metrics here")
    if not hmac.compare_digest(authorization.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        raise NotAdmitted(401, "send the METRICS_TOKEN as a bearer token")
    _LISTENERS.set(listeners)
    _MOST.set(bound)
    _AGE.set(math.inf if stale_seconds is None else stale_seconds)
    return generate_latest(_REGISTRY).decode()
