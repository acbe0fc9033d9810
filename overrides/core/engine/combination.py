"""Requests to the engine and its answers as values; nothing here is rounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Self

from .definitions.field_error import FieldError
from .definitions.json_fields import closed_mapping, finite
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, Flag, Reason
from .taken import Contributions, Exclusions

FLAG_ORDER = tuple(Flag)


class _Request(NamedTuple):
    module: str
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    at: datetime
    current: Mapping[str, float]


class Request(_Request):
    """A request for the levers of a pattern, action and scope, as of `at`.

    `current` maps lever -> the caller's value now (default: neutral). Raises FieldError for a value outside the
    registry's bounds and for a time without a zone.
    """

    __slots__ = ()

    def __new__(
        cls,
        module: str,
        pattern_key: str,
        action_category: str,
        scope: Mapping[str, str],
        at: datetime,
        current: Mapping[str, float] = MappingProxyType({}),
    ) -> Self:
        if at.utcoffset() is None:
            raise FieldError("at", "has no time zone; add UTC")
        refuse_foreign(current)
        return cls.of_checked((module, pattern_key, action_category, scope, at, current))

    @classmethod
    def of_checked(cls, fields: tuple[str, str, str, Mapping[str, str], datetime, Mapping[str, float]]) -> Self:
        """Return a request of fields in their order whose reader has refused what the constructor would."""
        return tuple.__new__(cls, fields)


class LeverValue(NamedTuple):
    """One lever of the answer: unit(value) = sum of parts + cut.

    `target` is the sum of the overrides' parts as a value, `stepped` the target after the step limit, `value` that
    after the bounds. `cut` is the distance of `value` from `target` in units (ln value - ln target, or value - target).
    `support` is the sum of weights without the prior; None under combiners that do not weigh.
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


class Combination(NamedTuple):
    """The answer: levers that overrides move (the others are neutral), the contributions and the exclusions.

    Contributions and exclusions are made from columns when they are first read.
    """

    levers: Mapping[str, LeverValue]
    contributions: Contributions
    excluded: Exclusions
    reason: Reason
    flags: tuple[Flag, ...]


def refuse_foreign(current: Mapping[str, float]) -> None:
    """Raise FieldError if a current value names no lever, or is outside the registry's bounds."""
    if current:
        for name, value in closed_mapping(current, "current", LEVERS).items():
            finite(value, f"current.{name}", LEVERS[name].low, LEVERS[name].high)


def ordered_flags(flags: Collection[Flag]) -> tuple[Flag, ...]:
    """Return flags once each, in the order of the enum."""
    if len(flags) < 2:
        return tuple(flags)
    return tuple([flag for flag in FLAG_ORDER if flag in flags])
