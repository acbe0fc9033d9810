"""Judged actions as columns, and the day and week in which their trades closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.signedinteger[Any]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MISSING = -1
LARGEST = 1e9  # limit of any outcome, as enforced on input; it keeps every sum of squares finite
DAY = 86_400_000_000  # microseconds
MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, eq=False)
class Rows:
    """The judged actions of one group (module, pattern_key, action_category), one row for each, in any order.

    codes      (rows, dims) the value of each dimension as a number >= 0; -1 where the action does not have it
    outcomes   (rows,) in R, from -1e9 to 1e9
    trade      (rows,) equal for all actions of one trade
    cluster    (rows,) equal for all trades of one cluster; a trade without a cluster has a number of its own
    closed_at  (rows,) close of the trade, microseconds since 1970-01-01 UTC

    Raises ValueError if the columns differ in length, an outcome is not finite or too large, or a code is below -1.
    """

    codes: Codes
    outcomes: Floats
    trade: Ints
    cluster: Ints
    closed_at: Ints

    def __post_init__(self) -> None:
        if self.codes.ndim != 2:
            raise ValueError(f"codes: shape (rows, dims) expected, got {self.codes.shape}")
        for field in fields(self):
            if len(getattr(self, field.name)) != len(self.codes):
                raise ValueError(f"{field.name}: {len(self.codes)} rows expected, as in codes")
        if not (np.abs(self.outcomes) <= LARGEST).all():
            raise ValueError("outcomes: finite and within 1e9 expected; leave out the actions without an outcome")
        if self.codes.size and self.codes.min() < MISSING:
            raise ValueError("codes: a code is >= 0, or -1 for a missing dimension")

    def __len__(self) -> int:
        return len(self.outcomes)

    def take(self, index: Ints | Bools) -> Rows:
        """Return the rows at the index (row numbers, or one boolean for each row), in the order of the index."""
        return Rows(*(getattr(self, field.name)[index] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        """Return the rows of all parts (at least one, all with the same dimensions), one part after another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def are_inside(self, codes: Codes) -> Bools:
        """Return which rows `(rows,)` lie in a cell, given its codes `(dims,)`; -1 leaves a dimension open."""
        closed = codes != MISSING
        inside: Bools = (self.codes[:, closed] == codes[closed]).all(axis=1)
        return inside

    def inside(self, codes: Codes) -> Rows:
        """Return the rows that lie in a cell, given its codes `(dims,)`."""
        return self.take(self.are_inside(codes))


def day_of(closed_at: Ints) -> Ints:
    """Convert microseconds since 1970-01-01 UTC to whole UTC days since that date.

    >>> day_of(np.array([0, DAY - 1, DAY, -1])).tolist()
    [0, 0, 1, -1]
    """
    return closed_at // DAY


def week_of(closed_at: Ints) -> Ints:
    """Convert microseconds to ISO weeks (Monday to Sunday, UTC), counted from the week of 1970-01-01.

    >>> week_of(DAY * np.array([0, 3, 4])).tolist()  # Thursday, Sunday, Monday
    [0, 0, 1]
    """
    return (day_of(closed_at) + MONDAY_OFFSET) // 7


def week_start(week: Ints) -> Ints:
    """Return Monday 00:00 UTC of a week numbered by `week_of`, in microseconds since 1970-01-01."""
    return (week * 7 - MONDAY_OFFSET) * DAY
