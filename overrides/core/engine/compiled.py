"""A compiled version as the combiners read it: sections of buckets of rows, immutable and shared between threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .definitions.levers import Lever
from .definitions.override_stats import Path
from .definitions.own_dimensions import OwnDimension
from .definitions.parameters import WeightParameters
from .definitions.universe import UNIVERSE
from .definitions.vocabulary import Channel, Combiner
from .scope_packing import PackedScopes
from .weights import OverrideWeight

Key = tuple[str, str, str]


class Limits(NamedTuple):
    """A lever with the bounds and the step limit in force."""

    lever: Lever
    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class Row:
    """One override, ready to be weighed.

    `units` are its targets' distances from neutral; `updated` is in microseconds.
    """

    id: str
    line: str
    dims: int
    n: float
    targets: Mapping[str, float]
    units: Mapping[str, float]
    path: Path | None
    updated: int
    weight: OverrideWeight[float]


@dataclass(frozen=True, slots=True)
class Bucket:
    """The overrides of one pattern and action, in id order, with their scopes."""

    rows: tuple[Row, ...]
    scopes: PackedScopes

    def matching(self, scope: Mapping[str, str]) -> list[Row]:
        """Return the overrides whose scope is contained in the request's, in id order."""
        return [self.rows[index] for index in self.scopes.contained_in(scope)]


@dataclass(frozen=True, slots=True)
class Section:
    """The overrides of one channel with their combiner and parameters."""

    channel: Channel | None
    combiner: Combiner
    parameters: WeightParameters
    known_dimensions: frozenset[str] | None
    limits: Mapping[str, Limits]
    buckets: Mapping[Key, Bucket]


@dataclass(frozen=True, slots=True)
class ScopeReading:
    """How a version reads the scope of a request.

    `cuts` are the dimensions whose numbers are compared as buckets, `universe` is the label of the module's universe.
    A version whose engine `knows_universes` does not answer a scope of another universe.
    """

    cuts: Mapping[str, OwnDimension] = field(default_factory=dict)
    universe: str | None = None
    knows_universes: bool = True

    def refuses(self, scope: Mapping[str, str]) -> bool:
        """Return whether a scope was computed over another universe than the module's."""
        return self.knows_universes and UNIVERSE in scope and scope[UNIVERSE] != self.universe

    def value(self, scope: Mapping[str, str], dimension: str) -> str | None:
        """Return the value of a dimension as it is compared; None if the scope does not have it."""
        value = scope.get(dimension)
        own = self.cuts.get(dimension)
        return value if own is None or value is None else own.label_of(value)


AS_SENT = ScopeReading()


@dataclass(frozen=True, slots=True)
class Compiled:
    """The input of `combine`: one section per channel; each lever is moved by one channel only."""

    sections: tuple[Section, ...]
    reading: ScopeReading = AS_SENT

    def __len__(self) -> int:
        return sum(len(bucket.rows) for section in self.sections for bucket in section.buckets.values())
