"""How many requests a key has left this minute, counted in Redis for all processes together.

A process takes allowances from there in blocks, so that most requests ask nobody. While Redis is away each process
counts for itself, and looks for it again every few seconds.
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
BLOCKS = 100  # a minute's allowance is handed out in so many parts
PATIENCE_SECONDS = 0.05
LOOK_AGAIN_SECONDS = 5.0


@dataclass
class _Purse:
    """What this process holds for one key in one window."""

    window: int
    left: int = 0
    taken_here: int = 0
    is_empty: bool = False


class Allowances:
    """The allowances of one process."""

    def __init__(self) -> None:
        self._purses: dict[str, _Purse] = {}
        self._taking = threading.Lock()
        self._redis: redis.Redis | None = None
        self._look_again_at = 0.0

    def take(self, name: str, *, limit: int, at: float) -> float | None:
        """Use one of `limit` a minute at `at` (epoch seconds); None, or the seconds until there are more."""
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
        block = max(1, limit // BLOCKS)
        purse.taken_here += block
        taken = self._count(f"counterweight:requests:{name}:{purse.window}", block) or purse.taken_here
        purse.left = max(0, min(block, limit - taken + block))
        purse.is_empty = not purse.left

    def _count(self, counter: str, block: int) -> int | None:
        """What all processes have taken with this block; None while Redis is away."""
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


ALLOWANCES = Allowances()
