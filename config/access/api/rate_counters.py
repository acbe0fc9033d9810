"""Rate limit counters: the requests that each key has left this minute, counted in Redis for all processes.

A process reserves its share in blocks, so most requests need no round trip to Redis. If Redis is unavailable each
process counts for itself, and tries Redis again every few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
BLOCKS = 100  # number of blocks in a minute's limit
PATIENCE_SECONDS = 0.05
RETRY_SECONDS = 5.0


@dataclass
class _Budget:
    """The requests that this process has reserved for one key in one window.

    `unreserved` is what no process had reserved when this one last did.
    """

    window: int
    remaining: int = 0
    unreserved: int = 0
    reserved_here: int = 0
    is_empty: bool = False


class Rate(NamedTuple):
    """Where a key stands in its minute: `remaining` requests of `limit`, until `seconds` from now.

    `remaining` may still count what other processes have reserved since this one last reserved a block, a hundredth of
    the limit; it is exact where one process serves. `is_allowed` says whether this request was within the limit.
    """

    limit: int
    remaining: int
    seconds: float
    is_allowed: bool


class RateCounters:
    """The rate limit counters of one process."""

    def __init__(self) -> None:
        self._budgets: dict[str, _Budget] = {}
        self._lock = threading.Lock()
        self._redis: redis.Redis | None = None
        self._retry_at = 0.0

    def take(self, name: str, *, limit: int, at: float) -> Rate:
        """Use one of `limit` requests a minute at `at` (epoch seconds), if one is left; return where the key stands."""
        window = int(at // WINDOW_SECONDS)
        with self._lock:
            budget = self._budgets.get(name)
            if budget is None or budget.window != window:
                budget = self._budgets[name] = _Budget(window)
            if not budget.remaining and not budget.is_empty:
                self._fill(budget, name, limit)
            is_allowed = budget.remaining > 0
            budget.remaining -= is_allowed
            remaining = budget.remaining + budget.unreserved
        return Rate(limit, remaining, (window + 1) * WINDOW_SECONDS - at, is_allowed)

    def _fill(self, budget: _Budget, name: str, limit: int) -> None:
        """Reserve another block of requests."""
        block = max(1, limit // BLOCKS)
        budget.reserved_here += block
        taken = self._count(f"counterweight:requests:{name}:{budget.window}", block) or budget.reserved_here
        budget.remaining = max(0, min(block, limit - taken + block))
        budget.unreserved = max(0, limit - taken)
        budget.is_empty = not budget.remaining

    def _count(self, counter: str, block: int) -> int | None:
        """Reserve a block in Redis and return what all processes have reserved; None if Redis is unavailable."""
        if time.monotonic() < self._retry_at:
            return None
        try:
            with self._connection().pipeline() as pipeline:
                pipeline.incrby(counter, block)
                pipeline.expire(counter, 2 * WINDOW_SECONDS)
                taken: int = pipeline.execute()[0]
            return taken
        except redis.RedisError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            logger.warning("requests are counted per process while Redis is away: %s", error)
            return None

    def _connection(self) -> redis.Redis:
        if self._redis is None:
            self._redis = redis.Redis.from_url(
                settings.REDIS_URL,
                socket_connect_timeout=PATIENCE_SECONDS,
                socket_timeout=PATIENCE_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        return self._redis


RATE_COUNTERS = RateCounters()
