"""Compare the served and the challenger's answers to the same requests: agreement, movement and earnings.

Units of a lever are ln m for multipliers and the distance from neutral for the others (`Lever.unit`). Earnings are
exposure neutral: 1,000 times the covariance of m and rr over closed trades, so that sizing every trade up earns
nothing. Their band resamples whole days (`day_bootstrap`), the same days for both sides and thus for the paired
difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overrides.core.monitoring.days.day_bootstrap import day_draws, day_sums, percentiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 41
FEW = 300  # with fewer closed trades, no difference is worth a decision
CLOSE = 0.01  # relative difference of multipliers that counts as close; half a step for the other levers
PER = 1000.0
STILL = 1e-12  # units from neutral within which a lever counts as neutral


@dataclass(frozen=True)
class Column:
    """One lever over n decisions: units and whether a bound acted, each of shape (n,), live and challenger."""

    live: Floats
    challenger: Floats
    live_bounded: NDArray[np.bool_]
    challenger_bounded: NDArray[np.bool_]


def agreement(live: Floats, challenger: Floats, close: float) -> dict[str, dict[str, float | None]]:
    """Return the agreement where `either` answer moves the lever, and where `both` do.

    Decisions in which neither moves it are left out. `live` and `challenger` are units of shape (n,), `close` is in
    units.

    >>> found = agreement(np.array([0.1, -0.1, 0.0, 0.0]), np.array([0.1, 0.1, 0.0, 0.2]), 0.01)
    >>> found["either"]["n"], found["both"]["n"], found["both"]["same_side"]
    (3, 2, 0.5)
    """
    moved = np.abs(live) > STILL, np.abs(challenger) > STILL
    among = {"either": moved[0] | moved[1], "both": moved[0] & moved[1]}
    return {name: _shares(live[each], challenger[each], close) for name, each in among.items()}


def _shares(live: Floats, challenger: Floats, close: float) -> dict[str, float | None]:
    """Return the shares of n decisions on the same side of neutral and within `close` units, and the correlation."""
    if len(live) == 0:
        return {"n": 0, "same_side": None, "close": None, "correlation": None}
    same = np.sign(live) == np.sign(challenger)
    is_close = np.abs(live - challenger) <= close * (1 + 1e-12)
    spreads = float(live.std()), float(challenger.std())
    correlation = None
    if min(spreads) > 1e-12:
        centred = ((live - live.mean()) * (challenger - challenger.mean())).mean()
        correlation = float(np.clip(centred / (spreads[0] * spreads[1]), -1.0, 1.0))
    shares = {"same_side": float(same.mean()), "close": float(is_close.mean()), "correlation": correlation}
    return {"n": len(live), **shares}


def movement(units: Floats, is_bounded: NDArray[np.bool_]) -> dict[str, float | None]:
    """Return mean and standard deviation of units (n,), and the share of decisions that a bound cut; None without any.

    >>> movement(np.array([0.0, 0.2]), np.array([False, True]))
    {'mean': 0.1, 'sd': 0.1, 'at_bounds': 0.5}
    """
    if len(units) == 0:
        return {"mean": None, "sd": None, "at_bounds": None}
    return {"mean": float(units.mean()), "sd": float(units.std()), "at_bounds": float(is_bounded.mean())}


def histogram(live: Floats, challenger: Floats, bins: int = BINS) -> dict[str, list[Any]]:
    """Return counts of both sides over the same equal bins, symmetric about neutral, with edges in units.

    The keys `before` (live) and `after` (challenger) are those of the what-if's chart.
    """
    widest = max((float(np.abs(each).max()) for each in (live, challenger) if len(each)), default=0.0) or 1e-3
    edges = np.linspace(-widest, widest, bins + 1)
    counts = (np.histogram(each, edges)[0].tolist() for each in (live, challenger))
    return {"edges": edges.tolist(), "before": next(counts), "after": next(counts)}


def uplift(m: Floats, rr: Floats) -> float:
    """Return the R per 1,000 trades earned by sizing differently from the mean: 1,000 / n * sum((m - mean m) * rr).

    `m` (n,) are multipliers, `rr` (n,) outcomes in R; n is at least 1.

    >>> round(uplift(np.array([0.9, 1.1]), np.array([-1.0, 1.0])), 9)
    100.0
    """
    return float(PER * ((m - m.mean()) * rr).mean())


def outcome(day: Ints, live: Floats, challenger: Floats, rr: Floats) -> dict[str, Any]:
    """Return the uplift of both sides over n closed trades and their difference, each with its 95 % band over days.

    `live` and `challenger` are multipliers m (n,), `rr` (n,) is in R, `day` (n,) is the UTC day of the close or the
    request. Every draw subtracts its own mean of m. With fewer than two days there is no band.
    """
    n, days = len(rr), len(np.unique(day))
    if n == 0:
        return {"n": 0, "days": 0, "is_few": True, "live": None, "challenger": None, "difference": None}
    points = [uplift(live, rr), uplift(challenger, rr)]
    points.append(points[1] - points[0])
    bands: list[tuple[float | None, float | None]] = [(None, None)] * 3
    if days > 1:
        drawn = _drawn(day, live, challenger, rr, days)
        ends = percentiles(np.column_stack([drawn, drawn[:, 1] - drawn[:, 0]]))
        bands = [(float(low), float(high)) for low, high in ends.T]
    names = ("live", "challenger", "difference")
    uplifts = {name: {"mean": at, "low": low, "high": high}
            for name, at, (low, high) in zip(names, points, bands, strict=True)}  # fmt: skip
    return {"n": n, "days": days, "is_few": n < FEW, **uplifts}


def _drawn(day: Ints, live: Floats, challenger: Floats, rr: Floats, days: int) -> Floats:
    """Return (draws, 2): the uplift of both sides in every draw, computed from daily sums."""
    draws = day_draws(days)
    _, of_rr, counts = day_sums(day, rr)
    n = draws @ counts
    mean_rr = (draws @ of_rr) / n
    columns = []
    for m in (live, challenger):
        of_m, of_both = day_sums(day, m)[1], day_sums(day, m * rr)[1]
        columns.append(PER * ((draws @ of_both) / n - (draws @ of_m) / n * mean_rr))
    return np.column_stack(columns)


def compared(column: Column, close: float) -> Mapping[str, Any]:
    """Return everything but the outcome of one lever, as JSON values."""
    return {
        "requests": len(column.live),
        "changed": int(np.count_nonzero(column.live != column.challenger)),
        **agreement(column.live, column.challenger, close),
        "live": movement(column.live, column.live_bounded),
        "challenger": movement(column.challenger, column.challenger_bounded),
        "histogram": histogram(column.live, column.challenger),
    }
