"""The uplift as it grew: cumulative R over no overrides at equal exposure, day by day, with a band."""

from __future__ import annotations

from typing import Any

import numpy as np

from learning.core.cells.rows import Floats
from learning.core.walk_forward.score import increments, matched
from learning.core.walk_forward.sized_trades import SizedTrades
from overrides.core.monitoring.day_bootstrap import day_draws, day_sums, percentiles

POINTS = 240  # of a stored curve; more cannot be told apart


def curve(bets: SizedTrades, low: float, high: float) -> dict[str, list[Any]]:
    """Columns: day (since 1970-01-01), uplift with its band, at matched tilt, and optimistic; R of unit size.

    The band is of each day by itself: every draw takes the walk's days anew, whole, and adds up as it goes.
    """
    if len(bets) == 0:
        return {name: [] for name in ("day", "uplift", "low", "high", "matched", "optimistic")}
    sizes = {"uplift": bets.size, "matched": matched(bets.size, low, high), "optimistic": bets.optimistic}
    days, added, _ = day_sums(bets.day, increments(bets.fold, bets.size, bets.outcome))
    lowest, highest = percentiles(np.cumsum(day_draws(len(days)) * added, axis=1))
    columns = {"day": days, "low": lowest, "high": highest} | {
        name: _cumulative(bets, np.ones(len(bets)) if size is None else size) for name, size in sizes.items()
    }
    kept = np.unique(np.linspace(0, len(days) - 1, min(len(days), POINTS)).round().astype(np.int64))
    return {name: [_rounded(each) for each in column[kept].tolist()] for name, column in columns.items()}


def _cumulative(bets: SizedTrades, size: Floats) -> Floats:
    return np.cumsum(day_sums(bets.day, increments(bets.fold, size, bets.outcome))[1])


def _rounded(value: float) -> float:
    return round(value, 6)
