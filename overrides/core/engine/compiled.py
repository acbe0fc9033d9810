"""A compiled version as the combiners read it: sections of buckets of columns, immutable and shared between threads.

A bucket has no object per override: with 100,000 of them, the collector would otherwise stop the process for a fifth of
a second each time that it looks through them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .definitions.levers import Lever
from .definitions.own_dimensions import OwnDimension
from .definitions.parameters import WeightParameters
from .definitions.universe import UNIVERSE
from .definitions.vocabulary import Channel, Combiner
from .names import Names
from .scope_packing import PackedScopes, Rows
from .weights import Basis, Column, OverrideWeight

Key = tuple[str, str, str]
NO_PATH = -(2**62)  # microseconds: so long ago that every ramp has arrived


class Limits(NamedTuple):
    """A lever with the bounds and the step limit in force."""

    lever: Lever
    low: float
    high: float
    step: float


class Moves(NamedTuple):
    """The targets of a bucket: one row per override, one column for each of its `levers`, which are in order of name.

    `units` are the distances of `targets` from neutral, 0 where an override has no target for a lever. `kinds` says per
    override which of the `sets` of columns it has targets for; `masks` are the same sets, one row each.
    """

    levers: tuple[str, ...]
    targets: Column
    units: Column
    kinds: NDArray[np.int16]
    sets: tuple[tuple[int, ...], ...]
    masks: NDArray[np.bool_]

    def has(self, rows: Rows) -> NDArray[np.bool_] | None:
        """Return which of these rows have which levers; None if all overrides of the bucket have all."""
        return None if len(self.sets) == 1 else self.masks[self.kinds[rows]]

    def sets_of(self, rows: Rows) -> list[tuple[int, ...]]:
        """Return the columns of each of these rows."""
        return [self.sets[kind] for kind in self.kinds[rows].tolist()]

    def targets_of(self, rows: Rows) -> list[dict[str, float]]:
        """Return the targets of each of these rows by lever."""
        return named(self.levers, self.targets[rows], self.sets_of(rows))


def named(levers: Sequence[str], values: Column, sets: Iterable[Sequence[int]]) -> list[dict[str, float]]:
    """Return each row of values by lever, of its set of columns."""
    return [
        {levers[column]: row[column] for column in columns} for row, columns in zip(values.tolist(), sets, strict=True)
    ]


class Ramps(NamedTuple):
    """The ramps of a bucket: since when, in microseconds per row, and the starting values as `Moves` has targets.

    `distances` lead from start to target: ln(target / start) for log levers, target - start for linear ones.
    """

    since: NDArray[np.int64]
    starts: Column
    distances: Column


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """The overrides of one pattern and action as columns, in id order, with their scopes.

    `updated` is in microseconds; `ramps` is None if no override ramps.
    """

    ids: Names
    lines: Names
    scopes: PackedScopes
    basis: Basis[Column]
    updated: NDArray[np.int64]
    weight: OverrideWeight[Column]
    moves: Moves
    ramps: Ramps | None

    def __len__(self) -> int:
        return len(self.ids)

    def matching(self, scope: Mapping[str, str]) -> Selection:
        """Return the overrides whose scope is contained in the request's, in id order."""
        return Selection(self, self.scopes.rows_in(scope))


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Some overrides of a bucket, by their rows, ascending."""

    bucket: Bucket
    rows: Rows

    def __len__(self) -> int:
        return self.rows.size

    @property
    def ids(self) -> list[str]:
        """The ids of the overrides."""
        return self.bucket.ids.take(self.rows)


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
        return sum(len(bucket) for section in self.sections for bucket in section.buckets.values())
