"""A sample of the decisions that a computation has read, to be kept when the others are retired."""

from __future__ import annotations

import heapq
from uuid import UUID
from zlib import crc32

MOST_SAMPLED = 200


class DecisionSample:
    """Up to `most` of the decisions added: those whose ids have the smallest checksums.

    A checksum has nothing to do with the time or the content of a decision, so that the sample is spread over all that
    was read, and reading the same decisions again gives the same sample.

    >>> sample = DecisionSample(most=2)
    >>> for number in range(5):
    ...     sample.add(UUID(int=number))
    >>> [each.int for each in sample.ids()]
    [2, 3]
    """

    def __init__(self, most: int = MOST_SAMPLED) -> None:
        self._most = most
        self._found: list[tuple[int, UUID]] = []  # a heap whose first has the largest checksum

    def add(self, decision_id: UUID) -> None:
        """Take up a decision if its checksum is among the smallest so far."""
        each = -crc32(decision_id.bytes), decision_id
        if len(self._found) < self._most:
            heapq.heappush(self._found, each)
        else:
            heapq.heappushpop(self._found, each)

    def ids(self) -> list[UUID]:
        """Return the sample in order of id."""
        return sorted(decision_id for _, decision_id in self._found)
