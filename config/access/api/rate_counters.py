"""Rate limit counters: the requests that each key has left this minute, counted in Redis for all processes.

A process reserves its share in blocks, so most requests need no round trip to Redis. If Redis is unavailable each
process counts for itself, and tries Redis again every few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
BLOCKS = 100  # number of blocks in a minute's limit
PATIENCE_SECONDS = 0.05
LOOK_AGAIN_SECONDS = 5.0


@dataclass
class _Purse:
    """The requests that this process has reserved for one key in one window."""

    window: int
    left: int = 0
    taken_here: int = 0
    is_empty: bool = False


class Allowances:
    """The rate limit counters of one process."""

    def __init__(self) -> None:
        self._purses: dict[str, _Purse] = {}
        self._taking = threading.Lock()
        self._redis: redis.Redis | None = None
        self._look_again_at = 0.0

    def take(self, name: str, *, limit: int, at: float) -> float | None:
        """Use one of `limit` requests a minute at `at` (epoch seconds); return None or the seconds to wait for more."""
        window = int(at // WINDOW_SECONDS)
        with self._taking:
            purse = self._purses.get(name)
            if purse is None or purse.window != window:
                purse = self._purses[name] = _Purse(window)
            if not purse.left and not purse.is_empty:
                self._fill(purse, name, limit)
            if not purse.left:
                return (window + 1) * WINDOW_SECONDS - at
            purse.left -= 1
            return None

    def _fill(self, purse: _Purse, name: str, limit: int) -> None:
        """Reserve another block of requests."""
        block = max(1, limit // BLOCKS)
        purse.taken_here += block
        taken = self._count(f"counterweight:requests:{name}:{purse.window}", block) or purse.taken_here
        purse.left = max(0, min(block, limit - taken + block))
        purse.is_empty = not purse.left

    def _count(self, counter: str, block: int) -> int | None:
        """Reserve a block in Redis and return what all processes have reserved; None if Redis is unavailable."""
        if time.monotonic() < self._look_again_at:
            return None
        try:
            with self._connection().pipeline() as pipeline:
                pipeline.incrby(counter, block)
                pipeline.expire(counter, 2 * WINDOW_SECONDS)
                taken: int = pipeline.execute()[0]
            return taken
        except redis.RedisError as error:
            self._look_again_at = time.monotonic() + LOOK_AGAIN_SECONDS
            logger.warning("requests are counted per process while Redis is unavailable: %s", error)
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


ALLOWANCES = Allowances()
