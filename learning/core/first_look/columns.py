"""Closed trades as the columns that learning reads, in the order of names that the database readers use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from learning.core.cells.rows import MISSING, Codes, Ints
from learning.core.walk_forward.outcome_columns import Trades
from overrides.core.engine.definitions.vocabulary import MODULE_CATEGORIES
from telemetry.core.outcomes import Outcome, judge
from telemetry.core.trades import Trade

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Judged(NamedTuple):
    """One outcome with the numbers of its trade, of its cluster and of its entry, and the moment of its action.

    Trades of a cluster count once in a cell; trades of an entry, whatever strategy took it, once where patterns are
    pooled.
    """

    trade: int
    cluster: int
    entry: int
    at: datetime
    outcome: Outcome


def judged_of(trades: Iterable[Trade], module: str) -> list[Judged]:
    """Return the outcomes of a module in order of close; trades of one cluster or entry share a number."""
    units: dict[str, int] = {}
    found = []
    for number, trade in enumerate(sorted(trades, key=lambda each: each.closed_at)):
        name = f"trade {number}" if trade.cluster_id is None else f"cluster {trade.cluster_id}"
        cluster = units.setdefault(name, len(units))
        entry = cluster if trade.entry_id is None else units.setdefault(f"entry {trade.entry_id}", len(units))
        outcomes = (each for each in judge(trade) if each.module == module)
        found += [Judged(number, cluster, entry, trade.actions[each.action_index].at, each) for each in outcomes]
    return found


def columns_of(judged: Sequence[Judged], module: str, dimensions: Sequence[str]) -> Trades:
    """Return the outcomes of a module as columns, with names in alphabetical order and categories in the module's.

    Their clusters are entries, as for fits and walk-forwards.

    >>> columns_of([], "dm", ("chain",)).categories
    ('allocation',)
    """
    outcomes = [each.outcome for each in judged]
    categories = MODULE_CATEGORIES[module]
    patterns, pattern = _numbered([each.pattern_key for each in outcomes])
    scope = [_numbered([each.scope.get(name) for each in outcomes]) for name in dimensions]
    codes = np.stack([column for _, column in scope], axis=1) if scope else np.empty((len(judged), 0), np.int32)
    return Trades(
        module=module,
        at=_moments(each.at for each in judged),
        closed_at=_moments(each.closed_at for each in outcomes),
        known=_moments(each.known_at for each in outcomes),
        pattern=pattern.astype(np.int64),
        category=np.array([categories.index(each.action_category) for each in outcomes], dtype=np.int64),
        scope=codes,
        outcome=np.array([each.rr for each in outcomes], dtype=np.float64),
        trade=np.array([each.trade for each in judged], dtype=np.int64),
        cluster=np.array([each.entry for each in judged], dtype=np.int64),
        patterns=patterns,
        categories=categories,
        dimensions=tuple(dimensions),
        values=tuple(names for names, _ in scope),
    )


def _numbered(names: Sequence[str | None]) -> tuple[tuple[str, ...], Codes]:
    """Return the distinct names in alphabetical order, and the number of each entry; -1 where there is none."""
    known = tuple(sorted({name for name in names if name is not None}))
    number: dict[str | None, int] = {name: code for code, name in enumerate(known)} | {None: MISSING}
    return known, np.array([number[name] for name in names], dtype=np.int32)


def _moments(times: Iterable[datetime]) -> Ints:
    """Convert aware times to microseconds since 1970-01-01 UTC."""
    return np.array([(each - EPOCH) // timedelta(microseconds=1) for each in times], dtype=np.int64)
