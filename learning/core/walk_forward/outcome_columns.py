"""The facts of a walk-forward run: all outcomes of a module that are judged by their trade's result, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import numpy as np

from learning.core.cells.rows import DAY, MISSING, Bools, Codes, Floats, Ints, Rows
from learning.core.evidence_method.observations import Observations

# The category whose size scales the whole trade. An add scales only its own leg, so it is learned from but not sized.
DECIDED: Mapping[str, str] = MappingProxyType({"pm": "entry", "dm": "allocation"})


@dataclass(frozen=True, eq=False)
class Trades:
    """Judged actions, one row for each, in any order.

    at, closed_at    (rows,) the decision and the close of its trade, microseconds since 1970-01-01 UTC
    known            (rows,) when the outcome was known, likewise; not before the close
    pattern          (rows,) positions in `patterns`
    category         (rows,) positions in `categories`
    scope            (rows, dims) positions in `values` of the dimension; -1 where the action does not have it
    outcome          (rows,) in R per unit of size
    trade, cluster   (rows,) numbers, as in `Rows`
    """

    module: str
    at: Ints
    closed_at: Ints
    known: Ints
    pattern: Ints
    category: Ints
    scope: Codes
    outcome: Floats
    trade: Ints
    cluster: Ints
    patterns: tuple[str, ...]
    categories: tuple[str, ...]
    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.outcome)

    def take(self, index: Ints | Bools) -> Trades:
        """Return the rows at the index; the names stay the same."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        taken = {name: each[index] for name, each in columns.items() if isinstance(each, np.ndarray)}
        return Trades(**(columns | taken))

    def in_dimensions(self, names: tuple[str, ...]) -> Trades:
        """Return the same rows with the scope in these of their dimensions alone. Raises ValueError for others."""
        at = [self.dimensions.index(name) for name in names]
        values = tuple(self.values[each] for each in at)
        return replace(self, scope=self.scope[:, at], dimensions=names, values=values)

    def known_at(self, moment: int) -> Trades:
        """Return the rows known before a moment in microseconds, the only ones that may be learned from then."""
        return self.take(self.known < moment)

    def decided(self) -> Trades:
        """Return the rows that a run sizes, in time order.

        These are the first action of each trade in the module's deciding category.
        """
        deciding = DECIDED[self.module]
        if deciding not in self.categories:
            return self.take(np.empty(0, dtype=np.int64))
        rows = np.flatnonzero(self.category == self.categories.index(deciding))
        rows = rows[np.lexsort((self.trade[rows], self.at[rows]))]
        _, first = np.unique(self.trade[rows], return_index=True)
        return self.take(rows[np.sort(first)])

    def observations(self) -> Observations:
        """Return the rows as input of the evidence method, with days from 1970-01-01."""
        columns = (self.pattern, self.category, self.scope, self.outcome, self.trade, self.cluster)
        return Observations(self.at / DAY, self.known / DAY, *columns, self.dimensions)

    def rows(self) -> Rows:
        """Return the rows as input of the cube."""
        return Rows(self.scope, self.outcome, self.trade, self.cluster, self.closed_at)

    def scope_of(self, codes: Ints) -> dict[str, str]:
        """Return the scope that codes `(dims,)` stand for, as dimension -> value."""
        named = zip(codes.tolist(), self.dimensions, self.values, strict=True)
        return {name: known[code] for code, name, known in named if code != MISSING}
