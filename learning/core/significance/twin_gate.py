"""The noise twins of a run, and whether what the run verified goes beyond them (docs/method.md 6.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

SEEDS = (1, 2, 3, 4, 5)  # of the twins of each kind
LEAST_ALLOWED, SHARE_ALLOWED = 1.0, 0.1  # mean of a kind's counts, and its share of what the run found


@dataclass(frozen=True)
class TwinCounts:
    """How many overrides a run verified, and how many the same fit verifies where there is nothing to find.

    found   overrides of the run that are verified, act and have a scope
    weeks   counts where outcomes were dealt anew within pattern and week: they test scopes that differ within a week
    shifts  counts where scopes were shifted in time: they test phases that last for weeks
    of      a hash of what the run verified; while it stays the same, the counts are not made again
    """

    found: int
    weeks: tuple[int, ...]
    shifts: tuple[int, ...]
    of: str = ""

    @property
    def most_allowed(self) -> float:
        """The largest mean count of either kind at which what was found counts as verified."""
        return max(LEAST_ALLOWED, SHARE_ALLOWED * self.found)

    @property
    def is_beyond_noise(self) -> bool:
        """Whether neither kind finds too many on average.

        >>> TwinCounts(8, (9, 14, 9, 6, 9), (0, 0, 0, 0, 0)).is_beyond_noise
        False
        >>> TwinCounts(30, (0, 1, 0, 0, 0), (6, 6, 0, 0, 0)).is_beyond_noise
        True
        """
        return all(sum(kind) <= self.most_allowed * len(kind) for kind in (self.weeks, self.shifts))

    @property
    def counts(self) -> tuple[int, ...]:
        """The counts of both kinds."""
        return (*self.weeks, *self.shifts)

    def to_document(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {"found": self.found, "weeks": list(self.weeks), "shifts": list(self.shifts), "of": self.of}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read what `to_document` wrote."""
        return cls(document["found"], tuple(document["weeks"]), tuple(document["shifts"]), document["of"])
