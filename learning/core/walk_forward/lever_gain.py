"""What choosing alternatives of a lever by what was known gained in a walk-forward, beside doing nothing (0)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class LeverVerdict(StrEnum):
    """What the walk-forward says of a lever; only a supported one is proposed."""

    SUPPORTED = "supported"
    EVIDENCE_ONLY = "evidence only"
    TOO_FEW = "too few trades"


@dataclass(frozen=True)
class LeverGain:
    """The gain of a lever in R per 1,000 trades of the folds; doing nothing would have earned 0.

    trades     trades of the folds that tell of the lever
    moved      those for which an alternative was chosen; the others count with 0
    days       decision days of those that were moved
    gain       mean change of rr under the chosen alternatives
    low, high  its 95 % band by blocks of days; None for fewer than two days
    promised   mean of what the fit expected of the chosen alternatives
    """

    trades: int
    moved: int
    days: int
    gain: float
    low: float | None
    high: float | None
    promised: float

    @property
    def came_true(self) -> float:
        """How much of what was promised came true, 0 to 1; 1 where nothing was promised.

        >>> LeverGain(900, 300, 40, 9.0, 1.0, 17.0, 36.0).came_true
        0.25
        """
        return min(max(self.gain / self.promised, 0.0), 1.0) if self.promised > 0 else 1.0

    def to_document(self) -> dict[str, Any]:
        """Return the gain as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return the gain that `to_document` stored."""
        return cls(**document)
