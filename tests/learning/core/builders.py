"""Builders of rows and cells: valid by default, any column by argument."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from learning.core.cells.rows import DAY, Rows


def make_rows(
    outcomes: ArrayLike,
    codes: ArrayLike | None = None,
    *,
    trade: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    closed_at: ArrayLike | None = None,
) -> Rows:
    """Return trades of one row each, without dimensions or clusters, closing on successive days."""
    values = np.asarray(outcomes, dtype=np.float64)
    count = len(values)
    of_trade = np.arange(count) if trade is None else np.asarray(trade, dtype=np.int64)
    return Rows(
        codes=np.zeros((count, 0), dtype=np.int64) if codes is None else np.asarray(codes, dtype=np.int64),
        outcomes=values,
        trade=of_trade,
        cluster=of_trade if cluster is None else np.asarray(cluster, dtype=np.int64),
        closed_at=DAY * np.arange(count) if closed_at is None else np.asarray(closed_at, dtype=np.int64),
    )


def random_rows(seed: int, count: int, values: Sequence[int], *, clustered: bool, gaps: float = 0.2) -> Rows:
    """Return rows in random order; if `clustered`, trades of one to three rows, a third of them in clusters."""
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, size, count) for size in values], axis=1)
    codes[rng.random(codes.shape) < gaps] = -1
    trade = rng.integers(0, max(1, count // 2), count) if clustered else rng.permutation(count)
    cluster = np.where(trade % 3 == 0, 10_000 + trade // 9, trade) if clustered else trade
    closed = DAY * 30 + rng.integers(0, 60 * DAY, trade.max(initial=0) + 1)
    return make_rows(rng.normal(0.2, 1.0, count), codes, trade=trade, cluster=cluster, closed_at=closed[trade])


def by_unit(rows: Rows) -> list[float]:
    """Return the mean outcome of every cluster, from the means of its trades, computed by a loop."""
    clusters: dict[int, dict[int, list[float]]] = {}
    for cluster, trade, outcome in zip(rows.cluster.tolist(), rows.trade.tolist(), rows.outcomes.tolist(), strict=True):
        clusters.setdefault(cluster, {}).setdefault(trade, []).append(outcome)
    return [
        float(np.mean([np.mean(outcomes) for outcomes in trades.values()])) for _, trades in sorted(clusters.items())
    ]
