"""Worlds of gates: windows with TS near a threshold of .60, and what acting in each of them earned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from learning.core.cells.rows import DAY
from learning.core.tuning.gate_windows import GateWindows

TS = "min_ts_for_add"


def make_windows(ts: ArrayLike, rr: ArrayLike, **over: Any) -> GateWindows:
    """Return windows of one sample each, four a day, each known half a day after it was decided; times in days."""
    scores, results = (np.asarray(each, dtype=np.float64)[:, None] for each in (ts, rr))
    count = len(scores)
    row, zero = np.arange(count), np.zeros(count, dtype=np.int64)
    at = row * DAY // 4
    fields: dict[str, Any] = {
        "at": at, "closed_at": at + DAY // 4, "known": at + DAY // 2, "pattern": zero,
        "scope": np.empty((count, 0), np.int32), "trade": row, "cluster": row, "patterns": ("ema.long.retest",),
        "category": zero, "categories": ("add",), "dimensions": (), "values": (), "rr": results,
        "is_open": np.ones((count, 1), dtype=np.bool_), "scores": {TS: scores}, "thresholds": {TS: np.full(count, 0.6)},
    }  # fmt: skip
    return GateWindows(**fields | over)
