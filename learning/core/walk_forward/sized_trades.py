"""The sizes a learning method would have given trades, together with the trades' outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints


@dataclass(frozen=True, eq=False)
class Sizing:
    """The sizes and expectations of a learning method for some trades, learned at one moment.

    size      (trades,) the size multiplier it would have served, within its bounds
    edge      (trades,) the edge it expected beyond `baseline`, in R
    baseline  (trades,) the mean outcome of all trades it knew, in R
    lessons   number of overrides of the deciding category it would have had
    verified  number of those with a certain sign; None if the method does not classify them
    """

    size: Floats
    edge: Floats
    baseline: Floats
    lessons: int
    verified: int | None = None

    @classmethod
    def neutral(cls, trades: int) -> Sizing:
        """Return neutral sizes, as of a method without any data to learn from."""
        return cls(np.ones(trades), np.zeros(trades), np.zeros(trades), 0)


@dataclass(frozen=True, eq=False)
class SizedTrades:
    """Every trade that a walk-forward run sized, one row for each, in time order.

    day              (rows,) UTC day of the decision, since 1970-01-01
    fold             (rows,) the fold of the decision
    outcome          (rows,) R per unit of size
    size             (rows,) the multiplier of the method as learned at the start of the fold
    edge, baseline   (rows,) the edge it expected and the baseline of that edge, in R
    nothing          (rows,) the mean outcome known at the start of the fold, the expectation without learning, in R
    optimistic       (rows,) the in-sample multiplier: the same method learned from all outcomes, these included
    """

    day: Ints
    fold: Ints
    outcome: Floats
    size: Floats
    edge: Floats
    baseline: Floats
    prior_mean: Floats
    optimistic: Floats

    def __len__(self) -> int:
        return len(self.outcome)


def fold_means(fold: Ints, values: Floats) -> Floats:
    """Return the mean of each row's fold, shape `(rows,)`.

    >>> fold_means(np.array([0, 0, 1]), np.array([1.0, 3.0, 5.0])).tolist()
    [2.0, 2.0, 5.0]
    """
    return (np.bincount(fold, values) / np.maximum(np.bincount(fold), 1)).take(fold)
