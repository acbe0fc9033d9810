"""A compiled version as the combiners read it: sections of buckets of columns, immutable and shared between threads.

A bucket has no object per override: with 100,000 of them, the collector would otherwise stop the process for a fifth of
a second each time that it looks through them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from .plain_rows import PlainRow, PlainRows
from .scope_packing import PackedScopes, Rows
from .weighing import UPDATED, Weighing
from .weights import Basis, Column

Key = tuple[str, str, str]
NO_PATH = -(2**62)  # microseconds: so long ago that every ramp has arrived


class Limits(NamedTuple):
    """A lever with the bounds and the step limit in force."""

    lever: Lever
    low: float
    high: float
    step: float


class Ramps(NamedTuple):
    """The ramps of a bucket: since when, in microseconds per row, and the starting values, one column per lever."""

    since: NDArray[np.int64]
    starts: Column


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """The overrides of one pattern and action as columns, in id order, with their scopes.

    `levers` are those that an override here moves, in order of name. `table` holds what an answer needs of each
    override (see `weighing`), and `detail` what an explanation needs besides: the factors of its weight that do not
    depend on the time of the request, and its targets. Units and targets are NaN where it does not move a lever;
    `is_full` says that there is no such place. `ramps` is None if no override ramps.
    """

    ids: Names
    lines: Names
    scopes: PackedScopes
    basis: Basis[Column]
    levers: tuple[str, ...]
    is_full: bool
    table: Column
    detail: Column
    weighing: Weighing
    ramps: Ramps | None
    _plain: PlainRows = field(init=False, repr=False, default_factory=PlainRows)

    def __len__(self) -> int:
        return len(self.ids)

    def matching(self, scope: Mapping[str, str]) -> Selection:
        """Return the overrides whose scope is contained in the request's, in id order."""
        return Selection(self, self.scopes.rows_in(scope))

    def plain(self, rows: Sequence[int]) -> list[PlainRow]:
        """Return rows as plain numbers and words; see `plain_rows`."""
        return self._plain.of(self, rows)

    @property
    def updated(self) -> Column:
        """The time of each override's evidence in whole microseconds."""
        return self.table[:, UPDATED]

    def units(self, rows: Rows) -> Column:
        """Return the distances of these rows' targets from neutral, 0 where an override has no target."""
        units: Column = self.table[rows, self.weighing.width :]
        if not self.is_full:
            units[np.isnan(units)] = 0.0
        return units

    @property
    def targets(self) -> Column:
        """The targets, NaN where an override has none."""
        return self.detail[:, self.detail.shape[1] - len(self.levers) :]

    def has(self, rows: Rows) -> NDArray[np.bool_] | None:
        """Return which of these rows have which levers; None if all overrides of the bucket have all."""
        if self.is_full:
            return None
        has: NDArray[np.bool_] = ~np.isnan(self.table[rows, self.weighing.width :])
        return has

    def weights(self, now: int) -> Column:
        """Return the weights of all overrides at a time in microseconds."""
        return self.weighing.of_many(self.table, now)[1]


class Selection:
    """Some overrides of a bucket, by their rows, ascending."""

    __slots__ = ("bucket", "rows")

    def __init__(self, bucket: Bucket, rows: Rows) -> None:
        self.bucket, self.rows = bucket, rows

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
