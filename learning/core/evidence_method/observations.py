"""What policy evidence learns from: judged actions as columns, and how much each of them weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from learning.core.cells.rows import LARGEST, MISSING, Bools, Codes, Floats, Ints
from learning.core.cells.units import run_lengths, runs


@dataclass(frozen=True, eq=False)
class Observations:
    """Judged actions of any patterns and categories, one row each, in any order.

    day         (rows,) close of the trade, in days from any origin
    pattern     (rows,) a number >= 0 for each pattern key
    category    (rows,) a number >= 0 for each action category
    scope       (rows, dims) the value of each dimension as a number >= 0; -1 where the action does not have it
    outcome     (rows,) in R per unit of size, within 1e9 either way: never learn from size-weighted outcomes
    trade       (rows,) the same number for the actions of one trade
    cluster     (rows,) the same number for the trades of one cluster; a trade without one has a number of its own
    dimensions  (dims,) their names, for messages

    Raises ValueError naming the column when lengths differ, a number is not finite or too large, or a code is no code.
    """

    day: Floats
    pattern: Ints
    category: Ints
    scope: Codes
    outcome: Floats
    trade: Ints
    cluster: Ints
    dimensions: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.scope.ndim != 2 or self.scope.shape[1] != len(self.dimensions):
            raise ValueError(
                f"scope: shape (rows, {len(self.dimensions)}) expected, as dimensions, not {self.scope.shape}"
            )
        for name, column in self._columns().items():
            if len(column) != len(self.scope):
                raise ValueError(f"{name}: {len(self.scope)} rows expected, as in scope, got {len(column)}")
        for name in ("day", "outcome"):
            if not (np.abs(getattr(self, name)) <= LARGEST).all():
                raise ValueError(f"{name}: finite and within 1e9 expected; leave out the actions without one")
        for name, lowest in (("pattern", 0), ("category", 0), ("scope", MISSING)):
            codes = getattr(self, name)
            if not np.issubdtype(codes.dtype, np.integer):
                raise ValueError(f"{name}: whole numbers expected, not {codes.dtype}; number the values first")
            if codes.size and codes.min() < lowest:
                raise ValueError(f"{name}: {codes.min()} is no code; the lowest is {lowest}")

    @classmethod
    def of_trades(
        cls, day: Floats, pattern: Ints, category: Ints, scope: Codes, outcome: Floats, dimensions: Sequence[str]
    ) -> Self:
        """Trades of one action each, none of them in a cluster with another."""
        trade = np.arange(len(outcome))
        return cls(day, pattern, category, scope, outcome, trade, trade, tuple(dimensions))

    def __len__(self) -> int:
        return len(self.outcome)

    def take(self, index: Ints | Bools) -> Self:
        """The rows at the index (numbers, or one boolean a row), in its order."""
        return type(self)(
            **{name: column[index] for name, column in self._columns().items()}, dimensions=self.dimensions
        )

    def _columns(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "dimensions"}


def shares(observations: Observations) -> Floats:
    """(rows,) the part of its unit that each row is; the parts of a unit add up to 1.

    A unit is a cluster, or the trade where no cluster is named. Its trades weigh alike, so do the pairs of pattern and
    category that each of them acted in, and so do its actions in each: an entry and its two adds are one outcome seen
    three times, which counts once over the whole fit, half as an entry and half as an add.

    >>> from dataclasses import replace
    >>> four = Observations.of_trades(*np.zeros((3, 4), int), np.zeros((4, 0), int), np.zeros(4), ())
    >>> acted = replace(four, trade=np.array([7, 7, 7, 9]), category=np.array([0, 1, 1, 0]))
    >>> shares(replace(acted, cluster=acted.trade)).tolist(), shares(replace(acted, cluster=np.ones(4))).tolist()
    ([0.5, 0.25, 0.25, 1.0], [0.25, 0.125, 0.125, 0.5])
    """
    levels = (observations.cluster, observations.trade, observations.pattern, observations.category)
    order = np.lexsort(levels[::-1])
    cluster, trade, pattern, category = (level[order] for level in levels)
    trades, pairs = runs(cluster, trade), runs(cluster, trade, pattern, category)
    share = np.empty(len(order))
    share[order] = 1.0 / (
        _parts(runs(cluster), trades, len(order))
        * _parts(trades, pairs, len(order))
        * _parts(pairs, np.arange(len(order)), len(order))
    )
    return share


def _parts(whole: Ints, part: Ints, rows: int) -> Ints:
    """(rows,) how many of the finer runs are in the coarser run that each row is in, both given by their starts."""
    counts = np.diff(np.searchsorted(part, np.append(whole, rows)))
    return np.repeat(counts, run_lengths(whole, rows))


def age_weights(day: Floats, as_of: float, half_life_days: float) -> Floats:
    """2^(-age / half_life), for ages in days >= 0.

    Their sum, not a Kish size, is the precision of a level that drifts (Muth, JASA 1960; West and Harrison 1997).
    Beyond 60 half-lives a weight falls no more: 1e-18 is nothing, but can still be divided by.

    >>> age_weights(np.array([0.0, 360.0, 720.0]), 720.0, 360.0).tolist()
    [0.25, 0.5, 1.0]
    """
    return np.exp2(-np.minimum((as_of - day) / half_life_days, 60.0))
