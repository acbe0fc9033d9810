"""Trades in bins by what was predicted of them, so that predictions can be set beside what came of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overrides.core.monitoring.days.day_bootstrap import Floats, Ints

GROUPS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """Trades with similar predicted edges: mean predicted, mean realised and its 95 % interval, all in R."""

    n: int
    predicted: float
    realised: float
    low: float | None
    high: float | None


def rows_by_bin(predicted: Floats) -> list[Ints]:
    """Return the row numbers of ten bins by predicted edge `(rows,)`, ascending; ties stay together, so maybe fewer.

    >>> [rows.tolist() for rows in rows_by_bin(np.array([0.2, 0.1, 0.2, 0.3]))]
    [[1], [0, 2], [3]]
    """
    if len(predicted) == 0:
        return []
    cuts = np.unique(np.quantile(predicted, np.arange(1, GROUPS) / GROUPS))
    place = np.searchsorted(cuts, predicted, side="left")
    return [np.flatnonzero(place == each) for each in np.unique(place).tolist()]
