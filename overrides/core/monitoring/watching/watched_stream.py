"""One stream that the monitor watches: its detector, and what came of it in R, folded over trades in order of close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from overrides.core.monitoring.days.day_sequence import DaySums
from overrides.core.monitoring.watching.e_detector import Detector

Order = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Counted:
    """One trade as a detector counts it: standardised (`u`), in R in the direction promised, and the promise / s_p."""

    closed_at: datetime
    trade: UUID
    u: float
    earned: float
    good: float

    @property
    def day(self) -> int:
        """The UTC day of the close, as an ordinal."""
        return self.closed_at.toordinal()

    @property
    def order(self) -> Order:
        """Its place among the trades of its stream."""
        return self.closed_at, self.trade


@dataclass(frozen=True, slots=True)
class Point:
    """Where a detector stood at the end of a day (an ordinal)."""

    day: int
    level: float
    cusum: float


@dataclass(frozen=True, slots=True)
class Stream:
    """The state of a watched stream; `good` is the promise / s_p of its last trade, `open_earned` of the open day."""

    detector: Detector = field(default_factory=Detector)
    realised: DaySums = field(default_factory=DaySums)
    open_earned: float = 0.0
    good: float = 0.0

    def plus(self, trades: Iterable[Counted]) -> tuple[Stream, list[Point]]:
        """Return the state with further trades, in their order, and a point for each day that this closed.

        Raises ValueError for a trade of a day before the open one.
        """
        state, points = self, []
        for trade in trades:
            state, closed = state.closed(trade.day)
            points += closed
            state = replace(
                state,
                detector=state.detector.plus(trade.day, trade.u, trade.good),
                open_earned=state.open_earned + trade.earned,
                good=trade.good,
            )
        return state, points

    def closed(self, today: int) -> tuple[Stream, list[Point]]:
        """Return the state with the open day closed, if it is over on the day `today`, and its point."""
        detector = self.detector.closed(today, self.good)
        if detector is self.detector:
            return self, []
        realised = self.realised.plus(self.open_earned, self.detector.open_trades)
        closed = replace(self, detector=detector, realised=realised, open_earned=0.0)
        return closed, [Point(detector.open_day, detector.level, detector.cusum)]

    def is_over(self, today: int) -> bool:
        """Whether its open day is over on the day `today`."""
        return self.detector.open_trades > 0 and self.detector.open_day < today

    def is_closed(self, day: int) -> bool:
        """Whether a trade of this day comes too late to be added."""
        detector = self.detector
        return day < detector.open_day or (day == detector.open_day and detector.open_trades == 0)

    def documents(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the state of the detector and the sums of what came of it, as JSON.

        >>> stream = Stream(open_earned=0.5, good=0.2)
        >>> Stream.read(*stream.documents()) == stream
        True
        """
        sums = asdict(self.realised) | {"open_earned": self.open_earned, "good": self.good}
        return self.detector.to_document(), sums

    @classmethod
    def read(cls, detector: Mapping[str, Any], sums: Mapping[str, Any]) -> Self:
        """Return the state that `documents` wrote."""
        days = {name: value for name, value in sums.items() if name not in ("open_earned", "good")}
        return cls(Detector.from_document(detector), DaySums(**days), sums["open_earned"], sums["good"])
