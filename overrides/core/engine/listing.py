"""Make the lists of an answer from the columns of a bucket: as objects, or as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import Bucket
from .definitions.vocabulary import ExclusionReason
from .plain_rows import NUMBERS, ROW, PlainRow
from .scope_packing import Rows
from .taken import Brief, Contribution, ContributionColumns, Excluded, ExclusionColumns
from .weights import Column, heaviest_first

Numbers = Sequence[float] | Column
_new = tuple.__new__  # of a class and a tuple of its fields; calling the class takes twice as long


class Blending(NamedTuple):
    """What the plan combiner makes of the rows of a bucket that take part, in id order.

    `moments` are the factors of their weights that depend on the time of the request. `units` are their units, one
    column per lever, NaN where one does not move it. `whole` is, per lever, what a weight is divided by.
    """

    bucket: Bucket
    rows: Rows
    moments: Sequence[Numbers]
    weights: Numbers
    units: Sequence[Numbers]
    whole: Sequence[float]


class WeighedRows:
    """The contributions of a blend, by falling weight."""

    __slots__ = ("blend",)

    def __init__(self, blend: Blending) -> None:
        self.blend = blend

    def items(self) -> Sequence[Contribution]:
        """Return them as objects."""
        found, bucket = self.columns(), self.blend.bucket
        _, rows, weights = self._sorted()
        factors = () if found.factors is None else found.factors.tolist()
        return list(
            map(
                Contribution,
                bucket.ids.take(rows),
                bucket.lines.take(rows),
                _named(found.levers, found.parts, found.has),
                _named(found.levers, found.targets, found.has),
                map(tuple, factors),
                weights.tolist(),
            )
        )

    def brief(self) -> Sequence[Brief]:
        """Return their ids, lines, weights and parts."""
        bucket, rows, _, weights, units, whole = self.blend
        ids, lines = bucket.ids.take(rows), bucket.lines.take(rows)
        levers = list(zip(bucket.levers, whole, map(_listed, units), strict=True))
        found = []
        weights = _listed(weights)
        for place in heaviest_first(weights):
            weight, parts = weights[place], {}
            for name, each, column in levers:
                unit = column[place]
                if unit == unit:
                    parts[name] = weight / each * unit
            found.append(_new(Brief, (ids[place], lines[place], weight, parts)))
        return found

    def columns(self) -> ContributionColumns:
        """Return them as columns."""
        bucket = self.blend.bucket
        places, rows, weights = self._sorted()
        units, detail = bucket.table.take(rows, axis=0)[:, bucket.weighing.width :], bucket.detail.take(rows, axis=0)
        has = None
        if not bucket.is_full:
            has = ~np.isnan(units)
            units[~has] = 0.0
        n_static = detail.shape[1] - len(bucket.levers)
        factors = np.empty((rows.size, n_static + len(self.blend.moments)))
        factors[:, :n_static] = detail[:, :n_static]
        for place, moment in enumerate(self.blend.moments, n_static):
            factors[:, place] = np.array(moment)[places]
        return ContributionColumns(
            bucket.ids.hashes(rows),
            bucket.lines.hashes(rows),
            bucket.levers,
            weights[:, None] / np.array(self.blend.whole) * units,
            detail[:, n_static:],
            has,
            weights,
            factors,
            None,
        )

    def _sorted(self) -> tuple[Rows, Rows, Column]:
        """Return the places among the rows, the rows and the weights, by falling weight."""
        weights = self.blend.weights
        places = np.array(heaviest_first(_listed(weights)))
        return places, self.blend.rows[places], np.array(weights)[places]


class WeighedFew:
    """The same of plain rows, at a time in microseconds; they become columns where columns are asked for."""

    __slots__ = ("_at", "_bucket", "_rows", "_weights", "_whole")

    def __init__(
        self, bucket: Bucket, rows: Sequence[PlainRow], at: float, weights: Sequence[float], whole: Mapping[str, float]
    ) -> None:
        self._bucket, self._rows, self._at, self._weights, self._whole = bucket, rows, at, weights, whole

    @property
    def blend(self) -> Blending:
        """The blend as columns."""
        bucket, rows = self._bucket, np.array([row[ROW] for row in self._rows])
        moments = zip(*[bucket.weighing.moments_of_row(row[NUMBERS], self._at) for row in self._rows], strict=True)
        units = list(bucket.table.take(rows, axis=0)[:, bucket.weighing.width :].T)
        whole = [self._whole.get(name, math.inf) for name in bucket.levers]
        return Blending(bucket, rows, list(moments), self._weights, units, whole)

    def items(self) -> Sequence[Contribution]:
        """Return them as objects."""
        return WeighedRows(self.blend).items()

    def columns(self) -> ContributionColumns:
        """Return them as columns."""
        return WeighedRows(self.blend).columns()

    def brief(self) -> Sequence[Brief]:
        """Return their ids, lines, weights and parts."""
        rows, weights, whole, found = self._rows, self._weights, self._whole, []
        for place in heaviest_first(weights):
            _, _, moves, _, id, line = rows[place]
            weight, parts = weights[place], {}
            for name, unit in moves:
                parts[name] = weight / whole[name] * unit
            found.append(_new(Brief, (id, line, weight, parts)))
        return found


def _listed(numbers: Numbers) -> Sequence[float]:
    return numbers.tolist() if isinstance(numbers, np.ndarray) else numbers


@dataclass(frozen=True, slots=True)
class UnweighedRows:
    """Contributions without weights, by id.

    `acts` says which override acts on which lever (None: on all that it has), `ramping` which has not arrived there.
    """

    bucket: Bucket
    rows: Rows
    parts: Column
    targets: Column
    acts: NDArray[np.bool_] | None = None
    ramping: NDArray[np.bool_] | None = None

    def items(self) -> Sequence[Contribution]:
        """Return them as objects."""
        bucket, rows, levers = self.bucket, self.rows, self.bucket.levers
        has = bucket.has(rows)
        parts = _named(levers, self.parts, has if self.acts is None else self.acts)
        targets = _named(levers, self.targets, has)
        found = list(map(Contribution, bucket.ids.take(rows), bucket.lines.take(rows), parts, targets))
        if self.ramping is not None:
            for row in np.flatnonzero(self.ramping.any(axis=1)).tolist():
                names = tuple(levers[column] for column in np.flatnonzero(self.ramping[row]).tolist())
                found[row] = found[row]._replace(ramping=names)
        return found

    def brief(self) -> Sequence[Brief]:
        """Return their ids, lines and parts."""
        return [Brief(each.id, each.line, None, each.parts) for each in self.items()]

    def columns(self) -> ContributionColumns:
        """Return them as columns."""
        return ContributionColumns(
            self.bucket.ids.hashes(self.rows),
            self.bucket.lines.hashes(self.rows),
            self.bucket.levers,
            self.parts,
            self.targets,
            self.bucket.has(self.rows),
            None,
            None,
            None if self.ramping is None or not self.ramping.any() else self.ramping,
            self.acts,
        )


class LeftOut:
    """Exclusions of rows for one reason, by id, with their weights if there are any."""

    __slots__ = ("_bucket", "_rows", "_weights", "_why")

    def __init__(self, bucket: Bucket, rows: Rows, why: ExclusionReason, weights: Numbers | None = None) -> None:
        self._bucket, self._rows, self._why, self._weights = bucket, rows, why, weights

    def items(self) -> Sequence[Excluded]:
        """Return them as objects."""
        ids, lines = self._bucket.ids.take(self._rows), self._bucket.lines.take(self._rows)
        weights = [None] * len(ids) if self._weights is None else _listed(self._weights)
        return [Excluded(id, line, self._why, weight) for id, line, weight in zip(ids, lines, weights, strict=True)]

    def columns(self) -> ExclusionColumns:
        """Return them as columns."""
        ids, lines = self._bucket.ids.hashes(self._rows), self._bucket.lines.hashes(self._rows)
        weights = None if self._weights is None else np.array(self._weights)
        return ExclusionColumns(ids, lines, (self._why,) * self._rows.size, weights)


def _named(levers: Sequence[str], values: Column, has: NDArray[np.bool_] | None) -> list[dict[str, float]]:
    """Return each row of values by lever, of the levers that it has; None if each has all."""
    if has is None:
        return [dict(zip(levers, row, strict=True)) for row in values.tolist()]
    return [
        {name: value for name, value, is_there in zip(levers, row, there, strict=True) if is_there}
        for row, there in zip(values.tolist(), has.tolist(), strict=True)
    ]
