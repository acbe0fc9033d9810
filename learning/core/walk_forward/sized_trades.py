"""What a policy would have done with every trade it had to decide, beside what became of the trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints


@dataclass(frozen=True, eq=False)
class Sizing:
    """A policy as it stood at one moment, asked about some trades.

    size      (trades,) the size multiplier it would have served, within its bounds
    edge      (trades,) what it expected beyond `baseline`, in R
    baseline  (trades,) its mean outcome of all trades, in R
    lessons   overrides of the deciding category it would have had; `verified` of them sure of their sign (None: the
              policy does not say)
    """

    size: Floats
    edge: Floats
    baseline: Floats
    lessons: int
    verified: int | None = None

    @classmethod
    def neutral(cls, trades: int) -> Sizing:
        """Of a policy that had nothing to learn from."""
        return cls(np.ones(trades), np.zeros(trades), np.zeros(trades), 0)


@dataclass(frozen=True, eq=False)
class SizedTrades:
    """Every decided trade of a walk, one row each, in time order.

    day       (rows,) UTC day of the decision, since 1970-01-01
    fold      (rows,) the fold it was decided in
    outcome   (rows,) R per unit of size
    size      (rows,) the multiplier of the policy as it stood when the fold began
    edge, baseline   (rows,) what it expected, in R
    nothing   (rows,) what one would have expected without learning: the mean outcome known when the fold began
    optimistic       (rows,) the multiplier of the same policy after it had seen all outcomes, these included
    """

    day: Ints
    fold: Ints
    outcome: Floats
    size: Floats
    edge: Floats
    baseline: Floats
    nothing: Floats
    optimistic: Floats

    def __len__(self) -> int:
        return len(self.outcome)


def mean_within(fold: Ints, values: Floats) -> Floats:
    """(rows,) the mean of each row's fold.

    >>> mean_within(np.array([0, 0, 1]), np.array([1.0, 3.0, 5.0])).tolist()
    [2.0, 2.0, 5.0]
    """
    return (np.bincount(fold, values) / np.maximum(np.bincount(fold), 1)).take(fold)
