"""The statistics an override rests on, and the start of its ramp: validated on construction, from and to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from .json_fields import LARGEST, SMALLEST, closed_mapping, finite, instant, instant_text, positive, required
from .levers import LEVERS
from .vocabulary import Blend

STATS = ("edge_raw", "n", "variance", "half_life_days", "updated_at")


@dataclass(frozen=True, slots=True)
class Stats:
    """Evidence: edge in R, n in trades (or worth n trades), variance in R squared, half-life in days.

    Building it raises FieldError for a figure that is out of its range.
    """

    edge_raw: float
    n: float
    variance: float
    half_life_days: float
    updated_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "edge_raw", finite(self.edge_raw, "stats.edge_raw"))
        for name in ("n", "variance"):
            object.__setattr__(self, name, finite(getattr(self, name), f"stats.{name}", low=0))
        object.__setattr__(self, "half_life_days", positive(self.half_life_days, "stats.half_life_days"))
        object.__setattr__(self, "updated_at", instant(self.updated_at, "stats.updated_at"))

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Parse statistics. Raises FieldError."""
        stats = closed_mapping(document, "stats", STATS)
        return cls(*(required(stats, name, "stats") for name in STATS))

    def to_document(self) -> dict[str, Any]:
        """Return the statistics as JSON values."""
        return {name: getattr(self, name) for name in STATS[:-1]} | {"updated_at": instant_text(self.updated_at)}


@dataclass(frozen=True, slots=True)
class Path:
    """Where a ramp began: lever -> value in force at `since`; a lever not named began at neutral.

    Building it raises FieldError.
    """

    start: Mapping[str, float]
    since: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", lever_values(self.start, "path.from"))
        object.__setattr__(self, "since", instant(self.since, "path.since"))

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Parse the start of a ramp. Raises FieldError."""
        path = closed_mapping(document, "path", ("from", "since"))
        return cls(required(path, "from", "path"), required(path, "since", "path"))

    def to_document(self) -> dict[str, Any]:
        """Return the start of a ramp as JSON values."""
        return {"from": dict(self.start), "since": instant_text(self.since)}


def lever_values(value: object, field: str) -> dict[str, float]:
    """Lever -> value, by name; a log lever's value must have a logarithm. Raises FieldError."""
    levers = closed_mapping(value, field, LEVERS)
    lowest = {name: SMALLEST if LEVERS[name].blend is Blend.LOG else -LARGEST for name in levers}
    return {name: finite(levers[name], f"{field}.{name}", low=lowest[name]) for name in sorted(levers)}
