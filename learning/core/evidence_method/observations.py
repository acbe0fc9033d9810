"""The input of the evidence method: judged actions as columns, and the weight of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from learning.core.cells.rows import LARGEST, MISSING, Bools, Codes, Floats, Ints
from learning.core.cells.units import run_lengths, runs

MOST_OPEN = 3.0  # largest weight of a trade for those like it that are still open


@dataclass(frozen=True, eq=False)
class Observations:
    """Judged actions of any patterns and categories, one row for each, in any order.

    day         (rows,) the decision, in days from any fixed origin
    known       (rows,) when the outcome was known, in days from the same origin; not before the decision
    pattern     (rows,) a number >= 0 for each pattern key
    category    (rows,) a number >= 0 for each action category
    scope       (rows, dims) the value of each dimension as a number >= 0; -1 where the action does not have it
    outcome     (rows,) in R per unit of size, from -1e9 to 1e9; size-weighted outcomes must never be learned from
    trade       (rows,) equal for all actions of one trade
    cluster     (rows,) equal for all trades of one cluster; a trade without a cluster has a number of its own
    dimensions  (dims,) their names, for messages

    Raises ValueError that names the column if lengths differ, a number is not finite or too large, or a code is
    invalid.
    """

    day: Floats
    known: Floats
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
        for name in ("day", "known", "outcome"):
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
        """Return observations of trades with one action each, known at once, none of them in a shared cluster."""
        trade = np.arange(len(outcome))
        return cls(day, day, pattern, category, scope, outcome, trade, trade, tuple(dimensions))

    def __len__(self) -> int:
        return len(self.outcome)

    def take(self, index: Ints | Bools) -> Self:
        """Return the rows at the index (numbers, or one boolean for each row), in the order of the index."""
        return type(self)(
            **{name: column[index] for name, column in self._columns().items()}, dimensions=self.dimensions
        )

    def _columns(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "dimensions"}


def shares(observations: Observations) -> Floats:
    """Return each row's share `(rows,)` of its unit; the shares of a unit add up to 1.

    A unit is a cluster, or the trade if it belongs to no cluster. The trades of a unit have equal shares. So do the
    pairs of pattern and category in which a trade acted, and the actions within each pair. An entry and its two adds
    are therefore one outcome observed three times; it counts once in the whole fit, half as an entry and half as an
    add.

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
    """Return how many finer runs lie in the coarser run of each row, shape `(rows,)`, given the starts of both."""
    counts = np.diff(np.searchsorted(part, np.append(whole, rows)))
    return np.repeat(counts, run_lengths(whole, rows))


def age_weights(day: Floats, as_of: float, half_life_days: float) -> Floats:
    """Return the age weight 2^(-age / half_life) of each row, shape `(rows,)`, for ages in days >= 0.

    Their sum, not a Kish size, is the precision of a level that drifts (Muth, JASA 1960; West and Harrison 1997).
    Weights stop falling at 60 half-lives: 1e-18 is negligible but can still be divided by.

    >>> age_weights(np.array([0.0, 360.0, 720.0]), 720.0, 360.0).tolist()
    [0.25, 0.5, 1.0]
    """
    return np.exp2(-np.minimum((as_of - day) / half_life_days, 60.0))


def open_weights(day: Floats, known: Floats, as_of: float, days: float) -> Floats:
    """Return the weight `(rows,)` with which each trade stands for those like it that are still open, 1 to `MOST_OPEN`.

    A trade that stays open for h days is known only if it was decided at least h days ago. Of the decisions of the last
    `days` days that is the share 1 - h / days, so each known one counts 1 / (1 - h / days) times (Horvitz and Thompson,
    JASA 1952); otherwise losing trades, which close sooner, would count too much. Trades decided earlier count once.

    >>> open_weights(np.array([50.0, 50.0, 10.0]), np.array([50.0, 56.0, 30.0]), 60.0, 30.0).tolist()
    [1.0, 1.25, 1.0]
    """
    visible = 1.0 - (known - day) / days
    weights: Floats = np.where(day >= as_of - days, 1.0 / np.maximum(visible, 1.0 / MOST_OPEN), 1.0)
    return weights
