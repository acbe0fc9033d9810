"""A question to the engine and its answer, as values: nothing here is rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from .definitions.field_error import FieldError
from .definitions.json_fields import closed_mapping, finite
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, ExclusionReason, Flag, Reason
from .weights import by_symbol

FLAG_ORDER = tuple(Flag)


@dataclass(frozen=True, slots=True)
class Request:
    """Levers for this pattern, action and scope, as of `at`.

    `current` maps lever -> the caller's value now (default neutral); outside the registry's bounds it is refused
    with FieldError, as is a time without a zone.
    """

    module: str
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    at: datetime
    current: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise FieldError("at", "has no time zone; add UTC")
        refuse_foreign(self.current)


class Contribution(NamedTuple):
    """What one override did. Parts (units from neutral) of all contributions add up to a lever's target.

    `targets` are the values it asks for at this moment, `ramping` the levers still on their way to the approved
    target. `factors` are those of `w_total` in the order of `weights.MULTIPLIED`; both are None under combiners that
    do not weigh.
    """

    id: str
    line: str
    parts: Mapping[str, float]
    targets: Mapping[str, float]
    factors: tuple[float, ...] | None = None
    w_total: float | None = None
    ramping: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As answers and decisions hold it, each factor by its symbol."""
        return {
            "id": self.id,
            "line": self.line,
            "parts": self.parts,
            "targets": self.targets,
            **by_symbol(self.factors),
            "w_total": self.w_total,
            "ramping": list(self.ramping),
        }


class Excluded(NamedTuple):
    """A matching override that took no part."""

    id: str
    line: str
    reason: ExclusionReason
    w_total: float | None = None


class LeverValue(NamedTuple):
    """One lever of the answer: unit(value) = sum of parts + cut.

    `target` is what the overrides ask for together, `stepped` what the step limit leaves of it, `value` what the
    bounds leave of that; `cut` is value from target in units (ln value - ln target, or value - target). `support` is
    the sum of weights without the prior; None where nothing is weighed.
    """

    value: float
    target: float
    stepped: float
    current: float
    neutral: float
    combiner: Combiner
    support: float | None
    prior_weight: float
    cut: float
    step_limited: bool
    bounded: bool
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """The answer: levers that overrides move (the others are neutral), who moved them and who was left out."""

    levers: Mapping[str, LeverValue]
    contributions: tuple[Contribution, ...]
    excluded: tuple[Excluded, ...]
    reason: Reason
    flags: tuple[Flag, ...]


def refuse_foreign(current: Mapping[str, float]) -> None:
    """Raise FieldError where a current value is of no lever, or outside the registry's bounds."""
    if current:
        for name, value in closed_mapping(current, "current", LEVERS).items():
            finite(value, f"current.{name}", LEVERS[name].low, LEVERS[name].high)


def ordered_flags(flags: set[Flag]) -> tuple[Flag, ...]:
    return tuple(flag for flag in FLAG_ORDER if flag in flags) if flags else ()
