"""What a combiner takes of the matching overrides: a sum per lever, and lists that are made when they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .combination import Contribution, Excluded
from .compiled import Bucket
from .definitions.vocabulary import ExclusionReason
from .scope_packing import Rows
from .weights import Column, heaviest_first

Named = list[dict[str, float]]  # lever -> value, per override


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
    contributions: Sequence[Contribution]
    excluded: Sequence[Excluded]


def added(values: Column) -> Column:
    """Return the sum of each column, added row by row in order, so that it does not depend on a library's blocks.

    >>> added(np.array([[1e16, 1.0], [1.0, 2.0], [-1e16, 3.0]])).tolist()
    [0.0, 6.0]
    """
    total: Column = values.cumsum(axis=0)[-1]
    return total


def weighed(
    bucket: Bucket, rows: Rows, parts: Named, moments: Iterable[Iterable[float]], weights: Sequence[float]
) -> list[Contribution]:
    """Return contributions with their factors, by falling weight."""
    static = [column[rows].tolist() for column in bucket.weight.static_values]
    factors = zip(*static, *(map(float, moment) for moment in moments), strict=True)
    ids, lines = bucket.ids.take(rows), bucket.lines.take(rows)
    found = list(map(Contribution, ids, lines, parts, bucket.moves.targets_of(rows), factors, weights))
    return [found[place] for place in heaviest_first(weights)]


def unweighed(
    bucket: Bucket, rows: Rows, parts: Named, targets: Named, ramping: NDArray[np.bool_] | None
) -> list[Contribution]:
    """Return contributions without weights, by id; `ramping` says which overrides have not arrived at which lever."""
    found = list(map(Contribution, bucket.ids.take(rows), bucket.lines.take(rows), parts, targets))
    if ramping is not None:
        for row in np.flatnonzero(ramping.any(axis=1)).tolist():
            names = tuple(bucket.moves.levers[column] for column in np.flatnonzero(ramping[row]).tolist())
            found[row] = found[row]._replace(ramping=names)
    return found


def left_out(bucket: Bucket, rows: Rows, why: ExclusionReason, weights: Sequence[float] | None) -> list[Excluded]:
    """Return the exclusions of these rows, by id."""
    ids, lines = bucket.ids.take(rows), bucket.lines.take(rows)
    totals = [None] * len(ids) if weights is None else weights
    return [Excluded(id, line, why, total) for id, line, total in zip(ids, lines, totals, strict=True)]
