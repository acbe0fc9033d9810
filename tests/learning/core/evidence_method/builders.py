"""Builders of observations: valid by default, any column by argument."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from learning.core.evidence_method.observations import Observations
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

AS_OF = 400.0

# One normal prior instead of a mixture turns the fit into a ridge regression.
NORMAL = EvidenceParameters(
    grid=(0.0, 0.3),
    null_mass=(0.0, 0.0, 0.0),
    null_counts=(0.0, 0.0, 0.0),
    n_min=2,
    recent_days=1e9,
    half_life_days=1e9,
    winsor_sds=1e6,
    same_day=False,
    effective_days=0,
    sweeps=1000,
)


def make_observations(
    outcome: ArrayLike,
    scope: ArrayLike | None = None,
    *,
    day: ArrayLike | None = None,
    pattern: ArrayLike | None = None,
    category: ArrayLike | None = None,
    trade: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    dimensions: Sequence[str] | None = None,
) -> Observations:
    """Return trades of one pattern and category without dimensions, one row each, closing on the day of the fit."""
    values = np.asarray(outcome, dtype=np.float64)
    count = len(values)
    codes = np.zeros((count, 0), dtype=np.int64) if scope is None else np.asarray(scope, dtype=np.int64)
    days = np.full(count, AS_OF) if day is None else np.asarray(day, dtype=np.float64)
    of_trade = np.arange(count) if trade is None else np.asarray(trade, dtype=np.int64)
    return Observations(
        day=days,
        known=days,
        pattern=np.zeros(count, dtype=np.int64) if pattern is None else np.asarray(pattern, dtype=np.int64),
        category=np.zeros(count, dtype=np.int64) if category is None else np.asarray(category, dtype=np.int64),
        scope=codes,
        outcome=values,
        trade=of_trade,
        cluster=of_trade if cluster is None else np.asarray(cluster, dtype=np.int64),
        dimensions=tuple(f"dim{each}" for each in range(codes.shape[1])) if dimensions is None else tuple(dimensions),
    )


def random_observations(
    seed: int,
    count: int = 400,
    values: Sequence[int] = (3, 4),
    *,
    patterns: int = 3,
    categories: int = 2,
    gaps: float = 0.1,
    shared: bool = False,
    shock: float = 0.0,
) -> Observations:
    """Return skewed outcomes with edges on one pattern and one value.

    With `shared`, trades have several rows and some share a cluster. `shock` is the sd of a shift common to a day's
    trades.
    """
    rng = np.random.default_rng(seed)
    pattern, category = rng.integers(0, patterns, count), rng.integers(0, categories, count)
    scope = np.stack([rng.integers(0, size, count) for size in values], axis=1)
    outcome = rng.exponential(1.5, count) - 1.2 + 0.5 * (pattern == 1) + 0.6 * (scope[:, 0] == 1)
    day = rng.uniform(0, AS_OF, count)
    outcome += shock * rng.normal(size=int(AS_OF) + 1)[day.astype(np.int64)]
    scope[rng.random(scope.shape) < gaps] = -1
    trade = rng.integers(0, max(1, count // 2), count) if shared else rng.permutation(count)
    cluster = np.where(trade % 3 == 0, 10_000 + trade // 9, trade) if shared else trade
    return make_observations(
        outcome,
        scope,
        day=day,
        pattern=pattern,
        category=category,
        trade=trade,
        cluster=cluster,
    )
