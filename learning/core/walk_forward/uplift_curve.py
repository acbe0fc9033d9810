"""The cumulative uplift in R over neutral sizes at equal exposure, day by day, with a confidence band."""

from __future__ import annotations

from typing import Any

import numpy as np

from learning.core.cells.rows import Floats
from learning.core.walk_forward.score import increments, matched
from learning.core.walk_forward.sized_trades import SizedTrades
from overrides.core.monitoring.days.day_bootstrap import day_draws, day_sums, percentiles

POINTS = 240  # points of a stored curve; more are indistinguishable on a chart


def curve(sized: SizedTrades, low: float, high: float) -> dict[str, list[Any]]:
    """Return the columns day (since 1970-01-01), uplift with its band, matched and optimistic, as JSON values in R.

    The band is pointwise: every draw resamples whole days of the run and accumulates them.
    """
    if len(sized) == 0:
        return {name: [] for name in ("day", "uplift", "low", "high", "matched", "optimistic")}
    sizes = {"uplift": sized.size, "matched": matched(sized.size, low, high), "optimistic": sized.optimistic}
    days, added, _ = day_sums(sized.day, increments(sized.fold, sized.size, sized.outcome))
    lowest, highest = percentiles(np.cumsum(day_draws(len(days)) * added, axis=1))
    columns = {"day": days, "low": lowest, "high": highest} | {
        name: _cumulative(sized, np.ones(len(sized)) if size is None else size) for name, size in sizes.items()
    }
    kept = np.unique(np.linspace(0, len(days) - 1, min(len(days), POINTS)).round().astype(np.int64))
    return {name: [_rounded(each) for each in column[kept].tolist()] for name, column in columns.items()}


def _cumulative(sized: SizedTrades, size: Floats) -> Floats:
    """Return the uplift in R up to and including each day, for the given sizes."""
    return np.cumsum(day_sums(sized.day, increments(sized.fold, size, sized.outcome))[1])


def _rounded(value: float) -> float:
    """Round to the stored precision."""
    return round(value, 6)
