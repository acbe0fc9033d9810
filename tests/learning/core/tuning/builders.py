"""Builders of trades with told changes: valid by default, any column by argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from learning.core.cells.rows import DAY
from learning.core.tuning.trade_deltas import LeverDeltas, TradeDeltas

LEVER = "entry_delay_bars"


def make_deltas(
    changes: Mapping[str, ArrayLike],
    *,
    lever: str = LEVER,
    day: ArrayLike | None = None,
    known: ArrayLike | None = None,
    pattern: ArrayLike | None = None,
    scope: ArrayLike | None = None,
    values: Sequence[int] = (),
) -> TradeDeltas:
    """Return trades of one lever, four a day, each known half a day after its entry; `values` counts each dimension's.

    `day` and `known` are in days.
    """
    columns = np.stack([np.asarray(each, dtype=np.float64) for each in changes.values()], axis=1)
    count = len(columns)
    days = np.arange(count) / 4 if day is None else np.asarray(day, dtype=np.float64)
    at = (days * DAY).astype(np.int64)
    later = at + DAY // 2 if known is None else (np.asarray(known, dtype=np.float64) * DAY).astype(np.int64)
    patterns = np.zeros(count, dtype=np.int64) if pattern is None else np.asarray(pattern, dtype=np.int64)
    codes = np.zeros((count, 0), dtype=np.int32) if scope is None else np.asarray(scope, dtype=np.int32)
    names = ("macro_phase", "meso_phase", "bucket")[: codes.shape[1]]
    one = np.arange(count)
    return TradeDeltas(
        at=at,
        closed_at=np.minimum(later, at + DAY // 2),
        pattern=patterns,
        scope=codes,
        trade=one,
        cluster=one,
        patterns=tuple(f"p.long.s{number}" for number in range(int(patterns.max(initial=0)) + 1)),
        dimensions=names,
        values=tuple(tuple(map(str, range(size))) for size in values),
        levers={lever: LeverDeltas(tuple(changes), columns, later)},
    )
