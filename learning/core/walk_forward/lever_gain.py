"""What choosing alternatives of a lever by what was known gained in a walk-forward, beside doing nothing (0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from learning.core.tuning.evidence_source import Source


class LeverVerdict(StrEnum):
    """What the walk-forward says of a lever; only a supported one is proposed."""

    SUPPORTED = "supported"
    EVIDENCE_ONLY = "evidence only"
    TOO_FEW = "too few trades"  # or windows

    def of(self, source: Source) -> str:
        """Return the verdict in words for evidence of a source.

        >>> LeverVerdict.TOO_FEW.of(Source.WINDOWS), LeverVerdict.SUPPORTED.of(Source.WINDOWS)
        ('too few windows', 'supported')
        """
        return self.value.replace(Source.TRADES, source)


def deciding_source(verdicts: Mapping[Source, LeverVerdict]) -> Source:
    """Return the source by which a lever is proposed or not, among those that tell of it.

    Windows, where they could be walked forward: they hold the trades of the gate and the chances that it let pass, so
    what they do not support is not proposed for what the trades alone say. The gains of two sources are neither added
    nor compared: they tell of the same trades, per trade and per window.

    >>> deciding_source({Source.TRADES: LeverVerdict.SUPPORTED, Source.WINDOWS: LeverVerdict.EVIDENCE_ONLY}).value
    'windows'
    >>> deciding_source({Source.TRADES: LeverVerdict.EVIDENCE_ONLY, Source.WINDOWS: LeverVerdict.TOO_FEW}).value
    'trades'
    """
    if verdicts.get(Source.WINDOWS, LeverVerdict.TOO_FEW) is LeverVerdict.TOO_FEW and Source.TRADES in verdicts:
        return Source.TRADES
    return Source.WINDOWS


def leaves_out_zero(low: float | None, high: float | None) -> bool:
    """Return whether the sign of a gain is clear from its interval; without an interval it is not.

    >>> leaves_out_zero(0.1, 2.0), leaves_out_zero(-0.1, 2.0), leaves_out_zero(None, None)
    (True, False, False)
    """
    return low is not None and high is not None and (low > 0 or high < 0)


@dataclass(frozen=True)
class LeverGain:
    """The gain of a lever in R per 1,000 rows of the folds; doing nothing would have earned 0.

    trades     rows of the folds that tell of the lever: trades, or windows of its gate
    moved      those for which an alternative was chosen; the others count with 0
    days       decision days of those that were moved
    gain       mean change of rr under the chosen alternatives
    low, high  its 95 % interval over stretches of days, valid at every look; None for fewer than 30 stretches
    promised   mean of what the fit expected of the chosen alternatives
    stretches  independent stretches of those days (`day_stretches`); None without one, or if stored before they counted
    """

    trades: int
    moved: int
    days: int
    gain: float
    low: float | None
    high: float | None
    promised: float
    stretches: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0, the result of doing nothing."""
        return leaves_out_zero(self.low, self.high)

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
