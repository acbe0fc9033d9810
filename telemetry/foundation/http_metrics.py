"""Count HTTP requests for Prometheus in batches, by route, method and status."""

from __future__ import annotations

import logging
from collections import defaultdict, deque

from telemetry.foundation.metrics import HTTP_SECONDS

logger = logging.getLogger(__name__)

COUNT_AT = 64
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_PENDING: deque[tuple[str, str, int, float]] = deque()


def note_request(route: str, method: str, status: int, seconds: float) -> None:
    """Keep a request to be counted; every COUNT_AT of them the caller counts them all."""
    _PENDING.append((route, method if method in METHODS else "other", status, seconds))
    if len(_PENDING) >= COUNT_AT:
        try:
            count_requests()
        except Exception:  # a full disk, for one, holds the numbers up and never an answer
            logger.exception("requests could not be counted")


def count_requests() -> None:
    """Count every request noted so far. Several threads may do so at once: each request is counted by one."""
    groups: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
    while True:
        try:
            route, method, status, seconds = _PENDING.popleft()
        except IndexError:
            break
        groups[route, method, status].append(seconds)
    for (route, method, status), values in groups.items():
        HTTP_SECONDS.labels(route, method, str(status)).observe_many(values)
