"""Make the lists of an answer from the columns of a bucket: as objects, or as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import Bucket, named
from .definitions.vocabulary import ExclusionReason
from .scope_packing import Rows
from .taken import Contribution, ContributionColumns, Excluded, ExclusionColumns
from .weights import Column, heaviest_first


class Blending(NamedTuple):
    """What the plan combiner makes of some rows of a bucket, in id order.

    `moments` are the factors that depend on the time of the request, one sequence each; `whole` is, per lever, what a
    weight is divided by.
    """

    bucket: Bucket
    rows: Rows
    moments: Sequence[Sequence[float]]
    weights: Sequence[float]
    whole: Sequence[float]

    def parts(self) -> Column:
        """Return the part of each lever, in units."""
        parts: Column = np.array(self.weights)[:, None] / np.array(self.whole) * self.bucket.moves.units[self.rows]
        return parts


@dataclass(frozen=True, slots=True)
class WeighedRows:
    """The contributions of a blend, by falling weight."""

    blend: Blending

    def __len__(self) -> int:
        return len(self.blend.weights)

    def items(self) -> Sequence[Contribution]:
        """Return them as objects."""
        bucket, rows, moments, weights, _ = self.blend
        moves, sets = bucket.moves, bucket.moves.sets_of(rows)
        static = [column[rows].tolist() for column in bucket.weight.static_values]
        parts, targets = named(moves.levers, self.blend.parts(), sets), named(moves.levers, moves.targets[rows], sets)
        factors = zip(*static, *moments, strict=True)
        found = list(
            map(Contribution, bucket.ids.take(rows), bucket.lines.take(rows), parts, targets, factors, weights)
        )
        return [found[place] for place in heaviest_first(weights)]

    def columns(self) -> ContributionColumns:
        """Return them as columns."""
        bucket, rows, moments, weights, _ = self.blend
        order = np.array(heaviest_first(weights), np.intp)
        sorted_rows = rows[order]
        static = [column[sorted_rows] for column in bucket.weight.static_values]
        return ContributionColumns(
            bucket.ids.hashes(sorted_rows),
            bucket.lines.hashes(sorted_rows),
            bucket.moves.levers,
            self.blend.parts()[order],
            bucket.moves.targets[sorted_rows],
            bucket.moves.has(sorted_rows),
            np.array(weights)[order],
            np.column_stack([*static, *(np.array(moment)[order] for moment in moments)]),
            None,
        )


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
        bucket, rows, moves = self.bucket, self.rows, self.bucket.moves
        sets = moves.sets_of(rows)
        acting = sets if self.acts is None else [np.flatnonzero(row).tolist() for row in self.acts]
        parts, targets = named(moves.levers, self.parts, acting), named(moves.levers, self.targets, sets)
        found = list(map(Contribution, bucket.ids.take(rows), bucket.lines.take(rows), parts, targets))
        if self.ramping is not None:
            for row in np.flatnonzero(self.ramping.any(axis=1)).tolist():
                names = tuple(moves.levers[column] for column in np.flatnonzero(self.ramping[row]).tolist())
                found[row] = found[row]._replace(ramping=names)
        return found

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
    weights: Sequence[float] | None = None

    def __len__(self) -> int:
        return self.rows.size

    def items(self) -> Sequence[Excluded]:
        """Return them as objects."""
        ids, lines = self.bucket.ids.take(self.rows), self.bucket.lines.take(self.rows)
        totals = [None] * len(ids) if self.weights is None else self.weights
        return [Excluded(id, line, self.why, total) for id, line, total in zip(ids, lines, totals, strict=True)]

    def columns(self) -> ExclusionColumns:
        """Return them as columns."""
        weights = None if self.weights is None else np.array(self.weights)
        reasons = (self.why,) * len(self)
        return ExclusionColumns(
            self.bucket.ids.hashes(self.rows), self.bucket.lines.hashes(self.rows), reasons, weights
        )
