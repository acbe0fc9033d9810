"""Count for Prometheus outside the hot path: a request leaves what it saw, and a batch of that is counted at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class CountedLater(Generic[T]):
    """What waits to be counted by `count`; once `at` of them wait, whoever notes the last one counts them all.

    >>> batches = []
    >>> later = CountedLater(batches.append, at=2, what="letters")
    >>> later.note("a"); later.note("b"); later.note("c")
    >>> batches, len(later)
    ([['a', 'b']], 1)
    """

    def __init__(self, count: Callable[[Sequence[T]], object], *, at: int, what: str) -> None:
        self._count, self._at, self._what = count, at, what
        self._waiting: deque[T] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, seen: Iterable[T]) -> None:
        """Keep what was seen to be counted; a failure to count is logged and reaches no caller."""
        self._waiting.extend(seen)
        if len(self._waiting) >= self._at:
            try:
                self.count()
            except Exception:  # a full disk, for one, holds the numbers up and never an answer
                logger.exception("%s could not be counted", self._what)

    def count(self) -> None:
        """Count everything noted so far. Several threads may do so at once: each thing is counted by one."""
        taken: list[T] = []
        with suppress(IndexError):
            while True:
                taken.append(self._waiting.popleft())
        self._count(taken)
