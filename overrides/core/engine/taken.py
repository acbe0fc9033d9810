"""What a combiner takes of the matching overrides: a sum per lever, the contributions and the exclusions.

Both lists know their length at once and are made when they are first read: as objects, or as columns, which cost no
object per override.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from .definitions.vocabulary import ExclusionReason
from .weights import Column, by_symbol

T = TypeVar("T")
Hashes = NDArray[np.uint8]  # shape (rows, 32): 64 hexadecimal digits each


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


class Brief(NamedTuple):
    """What a short explanation says of a contribution."""

    id: str
    line: str
    w_total: float | None
    parts: Mapping[str, float]


class Excluded(NamedTuple):
    """A matching override that the combiner left out, with the reason."""

    id: str
    line: str
    reason: ExclusionReason
    w_total: float | None = None


class ContributionColumns(NamedTuple):
    """Contributions as arrays, one row each in the order of the list, one column for each of `levers`.

    `ids` and `lines` are the hashes; None if an id is none. `has` says which override has a target for which lever,
    None if each has one for all; `acts` says which override has a part of which lever, None if each has a part wherever
    it has a target. `targets` and `parts` mean nothing elsewhere. `weights` and `factors` (in the order of
    `weights.MULTIPLIED`) are None under combiners that do not weigh, and NaN for such rows beside others. `ramping`
    says which levers have not reached the approved target; None if all have.
    """

    ids: Hashes | None
    lines: Hashes | None
    levers: tuple[str, ...]
    parts: Column
    targets: Column
    has: NDArray[np.bool_] | None
    weights: Column | None
    factors: Column | None
    ramping: NDArray[np.bool_] | None
    acts: NDArray[np.bool_] | None = None


class ExclusionColumns(NamedTuple):
    """Exclusions as arrays, one row each in the order of the list; see `ContributionColumns`."""

    ids: Hashes | None
    lines: Hashes | None
    reasons: tuple[ExclusionReason, ...]
    weights: Column | None


class Contributing(Protocol):
    """What a list of contributions is made from, as the list is read: objects, short ones, or columns."""

    def items(self) -> Sequence[Contribution]: ...
    def brief(self) -> Sequence[Brief]: ...
    def columns(self) -> ContributionColumns: ...


class Excluding(Protocol):
    """What a list of exclusions is made from, as the list is read."""

    def items(self) -> Sequence[Excluded]: ...
    def columns(self) -> ExclusionColumns: ...


class Listed(Sequence[T]):
    """A tuple that is made when it is first read; its length is known before."""

    __slots__ = ("_length", "_made")
    _length: int
    _made: tuple[T, ...] | None

    def _items(self) -> Sequence[T]:
        raise NotImplementedError

    def _read(self) -> tuple[T, ...]:
        if self._made is None:
            self._made = tuple(self._items())
        return self._made

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return iter(self._read())

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        return self._read()[place]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Listed):
            return self._read() == other._read()
        return self._read() == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


class Contributions(Listed[Contribution]):
    """The contributions of an answer."""

    __slots__ = ("_columns", "_make")

    def __init__(self, length: int, make: Callable[[], Contributing]) -> None:
        self._length, self._made, self._make = length, None, make
        self._columns: ContributionColumns | None = None

    def _items(self) -> Sequence[Contribution]:
        return self._make().items()

    @property
    def source(self) -> Contributing:
        """What the list is made from, for those who read many lists at once; made at each call."""
        return self._make()

    @property
    def brief(self) -> Sequence[Brief]:
        """The ids, lines, weights and parts alone, which costs half of the whole; made at each call."""
        return self._make().brief()

    @property
    def columns(self) -> ContributionColumns:
        """The same as columns."""
        if self._columns is None:
            self._columns = self._make().columns()
        return self._columns


class Exclusions(Listed[Excluded]):
    """The exclusions of an answer."""

    __slots__ = ("_columns", "_make")

    def __init__(self, length: int, make: Callable[[], Excluding]) -> None:
        self._length, self._made, self._make = length, None, make
        self._columns: ExclusionColumns | None = None

    def _items(self) -> Sequence[Excluded]:
        return self._make().items()

    @property
    def columns(self) -> ExclusionColumns:
        """The same as columns."""
        if self._columns is None:
            self._columns = self._make().columns()
        return self._columns


class Total(NamedTuple):
    """What the contributions to one lever sum up to.

    `support` is the sum of weights without the prior, None under combiners that do not weigh.
    """

    unit: float
    support: float | None = None
    is_ramping: bool = False


class Taken(NamedTuple):
    """The overrides of a section that take part and those that are left out, and what the former sum up to."""

    totals: Mapping[str, Total]
    contributions: Contributions
    excluded: Exclusions


def added(values: Column) -> Column:
    """Return the sum of each column, added row by row in order, so that it does not depend on a library's blocks.

    >>> added(np.array([[1e16, 1.0], [1.0, 2.0], [-1e16, 3.0]])).tolist()
    [0.0, 6.0]
    """
    total: Column = values.cumsum(axis=0)[-1]
    return total


def last_sum(values: Column) -> float:
    """Return the sum of one column, added in order as `added` does.

    >>> last_sum(np.array([1e16, 1.0, -1e16]))
    0.0
    """
    total: float = values.cumsum()[-1].item()
    return total


class _NoContributions:
    def items(self) -> Sequence[Contribution]:
        return ()

    def brief(self) -> Sequence[Brief]:
        return ()

    def columns(self) -> ContributionColumns:
        nobody, nothing = np.zeros((0, 32), np.uint8), np.zeros((0, 0))
        return ContributionColumns(nobody, nobody, (), nothing, nothing, None, None, None, None)


class _NoExclusions:
    def items(self) -> Sequence[Excluded]:
        return ()

    def columns(self) -> ExclusionColumns:
        nobody = np.zeros((0, 32), np.uint8)
        return ExclusionColumns(nobody, nobody, (), None)


NO_CONTRIBUTIONS = Contributions(0, _NoContributions)
NO_EXCLUSIONS = Exclusions(0, _NoExclusions)
