"""Requests to the engine and its answers as values; nothing here is rounded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, overload

from .definitions.field_error import FieldError
from .definitions.json_fields import closed_mapping, finite
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, ExclusionReason, Flag, Reason
from .weights import by_symbol

FLAG_ORDER = tuple(Flag)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request for the levers of a pattern, action and scope, as of `at`.

    `current` maps lever -> the caller's value now (default: neutral). Raises FieldError for a value outside the
    registry's bounds and for a time without a zone.
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
    """The effect of one override. Parts (units from neutral) of all contributions add up to a lever's target.

    `targets` are its targets at the time of the request; `ramping` are the levers that have not reached the approved
    target yet. `factors` are those of `w_total` in the order of `weights.MULTIPLIED`; both are None under combiners
    that do not weigh.
    """

    id: str
    line: str
    parts: Mapping[str, float]
    targets: Mapping[str, float]
    factors: tuple[float, ...] | None = None
    w_total: float | None = None
    ramping: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the contribution as answers and decisions contain it, each factor by its symbol."""
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
    """A matching override that the combiner left out, with the reason."""

    id: str
    line: str
    reason: ExclusionReason
    w_total: float | None = None


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


class Listed(Sequence[T]):
    """A tuple that is made when it is first read; its length is known before."""

    __slots__ = ("_length", "_made", "_make")

    def __init__(self, length: int, make: Callable[[], Iterable[T]]) -> None:
        self._length, self._make = length, make
        self._made: tuple[T, ...] | None = None

    @property
    def _items(self) -> tuple[T, ...]:
        if self._made is None:
            self._made = tuple(self._make())
        return self._made

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        return self._items[place]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Listed):
            return self._items == other._items
        return self._items == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


@dataclass(frozen=True, slots=True)
class Combination:
    """The answer: levers that overrides move (the others are neutral), the contributions and the exclusions.

    Contributions and exclusions are tuples, or are made from columns when they are first read.
    """

    levers: Mapping[str, LeverValue]
    contributions: Sequence[Contribution]
    excluded: Sequence[Excluded]
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
    return tuple(flag for flag in FLAG_ORDER if flag in flags)
