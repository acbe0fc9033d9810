"""Make the lists of an answer from the columns of a bucket: as objects, or as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import Bucket
from .definitions.vocabulary import ExclusionReason
from .scope_packing import Rows
from .taken import Brief, Contribution, ContributionColumns, Excluded, ExclusionColumns
from .weights import Column, heaviest_first

Numbers = Sequence[float] | Column


class Blending(NamedTuple):
    """What the plan combiner makes of some rows of a bucket, in id order.

    `moments` are the factors that depend on the time of the request, one sequence each; `whole` is, per lever, what a
    weight is divided by.
    """

    bucket: Bucket
    rows: Rows
    moments: Sequence[Numbers]
    weights: Numbers
    whole: Sequence[float]


class WeighedRows:
    """The contributions of a blend, by falling weight."""

    __slots__ = ("_blend",)

    def __init__(self, blend: Blending) -> None:
        self._blend = blend

    def __len__(self) -> int:
        return len(self._blend.weights)

    def items(self) -> Sequence[Contribution]:
        """Return them as objects."""
        found, bucket = self.columns(), self._blend.bucket
        rows = self._blend.rows[self._order()]
        assert found.weights is not None and found.factors is not None
        return list(
            map(
                Contribution,
                bucket.ids.take(rows),
                bucket.lines.take(rows),
                _named(found.levers, found.parts, found.has),
                _named(found.levers, found.targets, found.has),
                map(tuple, found.factors.tolist()),
                found.weights.tolist(),
            )
        )

    def brief(self) -> Sequence[Brief]:
        """Return their ids, lines, weights and parts."""
        bucket, rows, _, weights, whole = self._blend
        order = self._order()
        rows = rows[order]
        units = bucket.table[rows][:, bucket.weighing.width :].tolist()
        ids, lines, levers = bucket.ids.take(rows), bucket.lines.take(rows), bucket.moves.levers
        found = []
        for place, id, line, row in zip(order, ids, lines, units, strict=True):
            weight = weights[place]
            parts = {
                name: weight / total * unit
                for name, total, unit in zip(levers, whole, row, strict=True)
                if unit == unit
            }
            found.append(Brief(id, line, weight, parts))
        return found

    def columns(self) -> ContributionColumns:
        """Return them as columns."""
        bucket, rows, moments, weights, whole = self._blend
        order = self._order()
        rows, weights = rows[order], np.asarray(weights)[order]
        return ContributionColumns(
            bucket.ids.hashes(rows),
            bucket.lines.hashes(rows),
            bucket.moves.levers,
            weights[:, None] / np.array(whole) * bucket.units(rows),
            bucket.moves.targets[rows],
            bucket.moves.has(rows),
            weights,
            np.column_stack([*bucket.static_factors(rows), *(np.asarray(moment)[order] for moment in moments)]),
            None,
        )

    def _order(self) -> list[int]:
        weights = self._blend.weights
        return heaviest_first(weights.tolist() if isinstance(weights, np.ndarray) else weights)


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

    def __len__(self) -> int:
        return self.rows.size

    def items(self) -> Sequence[Contribution]:
        """Return them as objects."""
        bucket, rows, levers = self.bucket, self.rows, self.bucket.moves.levers
        has = bucket.moves.has(rows)
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
            self.bucket.moves.levers,
            self.parts,
            self.targets,
            self.bucket.moves.has(self.rows),
            None,
            None,
            None if self.ramping is None or not self.ramping.any() else self.ramping,
            self.acts,
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Exclusions for one reason, by id, with their weights if the combiner weighs."""

    bucket: Bucket
    rows: Rows
    why: ExclusionReason
    weights: Numbers | None = None

    def __len__(self) -> int:
        return self.rows.size

    def items(self) -> Sequence[Excluded]:
        """Return them as objects."""
        ids, lines = self.bucket.ids.take(self.rows), self.bucket.lines.take(self.rows)
        totals = [None] * len(ids) if self.weights is None else np.asarray(self.weights).tolist()
        return [Excluded(id, line, self.why, total) for id, line, total in zip(ids, lines, totals, strict=True)]

    def columns(self) -> ExclusionColumns:
        """Return them as columns."""
        ids, lines = self.bucket.ids.hashes(self.rows), self.bucket.lines.hashes(self.rows)
        weights = None if self.weights is None else np.asarray(self.weights)
        return ExclusionColumns(ids, lines, (self.why,) * len(self), weights)


def _named(levers: Sequence[str], values: Column, has: NDArray[np.bool_] | None) -> list[dict[str, float]]:
    """Return each row of values by lever, of the levers that it has; None if each has all."""
    if has is None:
        return [dict(zip(levers, row, strict=True)) for row in values.tolist()]
    return [
        {name: value for name, value, is_there in zip(levers, row, there, strict=True) if is_there}
        for row, there in zip(values.tolist(), has.tolist(), strict=True)
    ]
