"""How each alternative of a lever would have changed a trade, judged per trade and over all of its actions.

Judged among the actions that were taken, an alternative meets only the trades that came so far: among trades that
trimmed, a sooner trim always loses. Therefore a trade counts once, in the pattern and scope of its entry, with the sum
of what all its actions tell (docs/method.md 7.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from learning.core.cells.rows import DAY, LARGEST, Bools, Codes, Floats, Ints, Rows
from learning.core.evidence_method.observations import Observations

MOST_ALTERNATIVES = 40  # of one lever, those that most trades tell of; names are free text
UNKNOWN = np.iinfo(np.int64).max  # the moment of what is never known


class Told(NamedTuple):
    """What one action tells.

    known            when its results were known, microseconds since 1970-01-01 UTC
    counterfactuals  lever -> alternative -> change of rr in R
    replays          lever -> arm -> rr of the trade in R
    taken            lever -> the arm of its replays that was taken
    """

    known: int
    counterfactuals: Mapping[str, Mapping[str, float]]
    replays: Mapping[str, Mapping[str, float]]
    taken: Mapping[str, str]


class Change(NamedTuple):
    """The changes of a trade's rr under one lever's alternatives, and when the last of them was known."""

    deltas: Mapping[str, float]
    known: int


def changes_of(actions: Sequence[Told], levers: Sequence[str]) -> dict[str, Change]:
    """Return lever -> change for the levers that a trade's actions tell of.

    Changes of all actions are added. Where an action replays a lever, only replays count, each less that of the arm
    that was taken: they tell the same as counterfactuals, and nothing is counted twice. Example: the trim would have
    lost .2 R if sooner, the exit .1 R; the entry was replayed.

    >>> trim = Told(5, {"trim_delay_mult": {"0.5": -0.2}}, {}, {})
    >>> exit = Told(9, {"trim_delay_mult": {"0.5": -0.1}}, {}, {})
    >>> entry = Told(7, {}, {"entry_delay_bars": {"0": 1.0, "2": 1.5}}, {"entry_delay_bars": "0"})
    >>> found = changes_of((entry, trim, exit), ("entry_delay_bars", "trim_delay_mult"))
    >>> found["entry_delay_bars"], {name: round(each, 9) for name, each in found["trim_delay_mult"].deltas.items()}
    (Change(deltas={'2': 0.5}, known=7), {'0.5': -0.3})
    """
    found = {}
    for lever in levers:
        told = [*_replayed(actions, lever)] or [*_counterfactual(actions, lever)]
        if told:
            deltas: dict[str, float] = {}
            for change in told:
                for name, delta in change.deltas.items():
                    deltas[name] = min(max(deltas.get(name, 0.0) + delta, -LARGEST), LARGEST)
            found[lever] = Change(deltas, max(change.known for change in told))
    return found


def _replayed(actions: Sequence[Told], lever: str) -> Iterator[Change]:
    """Yield what each action that replays a lever tells: the rr of every other arm less that of the arm taken."""
    for action in actions:
        arms, taken = action.replays.get(lever, {}), action.taken.get(lever)
        if taken is not None and taken in arms:
            yield Change({arm: rr - arms[taken] for arm, rr in arms.items() if arm != taken}, action.known)


def _counterfactual(actions: Sequence[Told], lever: str) -> Iterator[Change]:
    for action in actions:
        if action.counterfactuals.get(lever):
            yield Change(action.counterfactuals[lever], action.known)


@dataclass(frozen=True, eq=False)
class LeverDeltas:
    """One lever's alternatives.

    names    (alternatives,)
    changes  (trades, alternatives) change of rr in R, from -1e9 to 1e9; NaN where the trade does not tell
    known    (trades,) when the last result on the lever was known, microseconds since 1970-01-01; UNKNOWN without one
    """

    names: tuple[str, ...]
    changes: Floats
    known: Ints

    @classmethod
    def of(cls, changes: Sequence[Change | None]) -> LeverDeltas:
        """Return the changes of trades in their order, None for trades that tell nothing of the lever."""
        told = Counter(name for change in changes if change is not None for name in change.deltas)
        names = tuple(sorted(sorted(told, key=lambda name: (-told[name], name))[:MOST_ALTERNATIVES]))
        number = {name: column for column, name in enumerate(names)}
        values, known = np.full((len(changes), len(names)), np.nan), np.full(len(changes), UNKNOWN)
        for row, change in enumerate(changes):
            if change is not None:
                known[row] = change.known
                for name, delta in change.deltas.items():
                    if name in number:
                        values[row, number[name]] = delta
        return cls(names, values, known)

    @property
    def is_told(self) -> Bools:
        """Whether each trade `(trades,)` tells of any alternative."""
        told: Bools = np.array((~np.isnan(self.changes)).any(axis=1), dtype=np.bool_)
        return told

    def take(self, index: Ints | Bools) -> LeverDeltas:
        """Return the trades at the index; the alternatives stay the same."""
        return LeverDeltas(self.names, self.changes[index], self.known[index])

    def of_alternative(self, name: str) -> Floats:
        """Return the changes `(trades,)` under one alternative."""
        column: Floats = self.changes[:, self.names.index(name)]
        return column


@dataclass(frozen=True, eq=False)
class TradeDeltas:
    """Trades by their entry, one row for each, with the changes of their rr under the alternatives of each lever.

    at              (trades,) decision of the entry, microseconds since 1970-01-01 UTC
    closed_at       (trades,) close, likewise
    pattern         (trades,) positions in `patterns`
    scope           (trades, dims) positions in `values` of the dimension; -1 where the entry does not have it
    trade, cluster  (trades,) numbers, as in `Rows`
    """

    at: Ints
    closed_at: Ints
    pattern: Ints
    scope: Codes
    trade: Ints
    cluster: Ints
    patterns: tuple[str, ...]
    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    levers: Mapping[str, LeverDeltas]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, index: Ints | Bools) -> TradeDeltas:
        """Return the trades at the index; the names stay the same."""
        return TradeDeltas(
            self.at[index],
            self.closed_at[index],
            self.pattern[index],
            self.scope[index],
            self.trade[index],
            self.cluster[index],
            self.patterns,
            self.dimensions,
            self.values,
            {name: each.take(index) for name, each in self.levers.items()},
        )

    def known_at(self, lever: str, moment: int) -> TradeDeltas:
        """Return the trades whose results on a lever were known before a moment in microseconds."""
        return self.take(self.levers[lever].known < moment)

    def observations(self, lever: str, name: str) -> Observations:
        """Return the changes under one alternative as input of the evidence method, of the trades that tell it."""
        deltas = self.levers[lever]
        changes = deltas.of_alternative(name)
        rows = np.flatnonzero(~np.isnan(changes))
        return Observations(
            day=self.at[rows] / DAY,
            known=np.maximum(deltas.known, self.at)[rows] / DAY,
            pattern=self.pattern[rows],
            category=np.zeros(len(rows), dtype=np.int64),
            scope=self.scope[rows],
            outcome=changes[rows],
            trade=self.trade[rows],
            cluster=self.cluster[rows],
            dimensions=self.dimensions,
        )

    def rows(self) -> Rows:
        """Return the trades as rows of a group, for grades; they carry no outcome of their own."""
        return Rows(self.scope, np.zeros(len(self)), self.trade, self.cluster, self.closed_at)
