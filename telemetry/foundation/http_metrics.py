"""Count HTTP requests for Prometheus in batches, by route, method and status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from telemetry.foundation.counted_later import CountedLater
from telemetry.foundation.metrics import HTTP_SECONDS

COUNT_AT = 64
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Seen = tuple[str, str, int, float]  # route, method, status, seconds


def note_request(route: str, method: str, status: int, seconds: float) -> None:
    """Keep a request to be counted."""
    _PENDING.note([(route, method if method in METHODS else "other", status, seconds)])


def count_requests() -> None:
    """Count every request noted so far."""
    _PENDING.count()


def _count(requests: Sequence[Seen]) -> None:
    groups: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
    for route, method, status, seconds in requests:
        groups[route, method, status].append(seconds)
    for (route, method, status), values in groups.items():
        HTTP_SECONDS.labels(route, method, str(status)).observe_many(values)


_PENDING = CountedLater(_count, at=COUNT_AT, what="requests")
