"""The contributions to many blends in one pass of columns, so that nothing is made per contribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.listing import Blending
from overrides.core.engine.scope_packing import Rows
from overrides.core.engine.weights import ROUNDED_AWAY, Column, heaviest_first


class BlendedRows(NamedTuple):
    """The contributions to blends of one bucket, those of each blend by falling weight.

    `order` are their places among those of the blends as given, one blend after the other. `parts` has one column per
    lever of the bucket, NaN where an override does not move it. `ends` are the places behind the last of each blend.
    """

    order: NDArray[np.intp]
    rows: Rows
    weights: Column
    parts: Column
    ends: Sequence[int]


def blended_rows(blends: Sequence[Blending]) -> BlendedRows:
    """Return the contributions to blends of one bucket, at least one, as each alone lists them, to the bit."""
    bucket, counts = blends[0].bucket, [len(blend.weights) for blend in blends]
    numbers, ends = np.repeat(np.arange(len(blends)), counts), np.cumsum(counts).tolist()
    rows = np.concatenate([each.rows for each in blends])
    weights = np.concatenate([blend.weights for blend in blends])
    order = _by_falling_weight(weights, numbers, ends)
    rows, weights = rows[order], weights[order]
    units = bucket.table.take(rows, axis=0)[:, bucket.weighing.width :]
    parts = weights[:, None] / np.array([blend.whole for blend in blends])[numbers] * units
    return BlendedRows(order, rows, weights, parts, ends)


def _by_falling_weight(weights: Column, numbers: NDArray[np.intp], ends: Sequence[int]) -> NDArray[np.intp]:
    """Return the places of weights, those of each blend as `heaviest_first` puts them."""
    order = np.lexsort((-weights, numbers))  # the last key decides first, and equal ones keep their order
    falling = weights[order]
    is_close = falling[:-1] - falling[1:] < ROUNDED_AWAY
    is_close &= (falling[:-1] != falling[1:]) & (numbers[:-1] == numbers[1:])
    for number in set(numbers[:-1][is_close].tolist()):  # rounding may make these equal
        span = slice(ends[number - 1] if number else 0, ends[number])
        order[span] = np.array(heaviest_first(weights[span].tolist())) + span.start
    return order
