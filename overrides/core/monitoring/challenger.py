"""Two answers to the same requests, the one served and the challenger's: how far they agree, how much they move,
and what each would have earned on the trades that closed.

A lever's unit is ln m for multipliers and the distance from neutral for the others (`Lever.unit`). What a lever earns
is exposure neutral: 1,000 times the covariance of m and rr over closed trades, so that sizing everything up earns
nothing. Its band resamples whole days (`bootstrap`), the same days for both, hence that of the paired difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overrides.core.monitoring.day_bootstrap import day_draws, day_sums, percentiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 41
FEW = 300  # closed trades below which no difference is worth a decision
CLOSE = 0.01  # of a multiplier; half a step for what is no multiplier
PER = 1000.0
STILL = 1e-12  # units within which a lever is at neutral


@dataclass(frozen=True)
class Column:
    """One lever over n decisions: units and whether a bound acted, each (n,); live first, then the challenger."""

    live: Floats
    challenger: Floats
    live_bounded: NDArray[np.bool_]
    challenger_bounded: NDArray[np.bool_]


def agreement(live: Floats, challenger: Floats, close: float) -> dict[str, dict[str, float | None]]:
    """How far they agree where `either` moves its lever, and where `both` do; where neither does is no agreement.

    >>> found = agreement(np.array([0.1, -0.1, 0.0, 0.0]), np.array([0.1, 0.1, 0.0, 0.2]), 0.01)
    >>> found["either"]["n"], found["both"]["n"], found["both"]["same_side"]
    (3, 2, 0.5)
    """
    moved = np.abs(live) > STILL, np.abs(challenger) > STILL
    among = {"either": moved[0] | moved[1], "both": moved[0] & moved[1]}
    return {name: _shares(live[each], challenger[each], close) for name, each in among.items()}


def _shares(live: Floats, challenger: Floats, close: float) -> dict[str, float | None]:
    """Shares of n decisions on the same side of neutral and within `close` units, and the correlation."""
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
    """Mean tilt and standard deviation in units, and the share that a bound has cut.

    >>> movement(np.array([0.0, 0.2]), np.array([False, True]))
    {'mean': 0.1, 'sd': 0.1, 'at_bounds': 0.5}
    """
    if len(units) == 0:
        return {"mean": None, "sd": None, "at_bounds": None}
    return {"mean": float(units.mean()), "sd": float(units.std()), "at_bounds": float(is_bounded.mean())}


def histogram(live: Floats, challenger: Floats, bins: int = BINS) -> dict[str, list[Any]]:
    """Counts of both over the same equal bins, symmetric about neutral; the edges in units.

    Live is `before`, the challenger `after`: the shape of the what-if's picture.
    """
    widest = max((float(np.abs(each).max()) for each in (live, challenger) if len(each)), default=0.0) or 1e-3
    edges = np.linspace(-widest, widest, bins + 1)
    counts = (np.histogram(each, edges)[0].tolist() for each in (live, challenger))
    return {"edges": edges.tolist(), "before": next(counts), "after": next(counts)}


def uplift(m: Floats, rr: Floats) -> float:
    """R per 1,000 trades earned by sizing unlike the mean: 1,000 / n * sum((m - mean m) * rr).

    >>> round(uplift(np.array([0.9, 1.1]), np.array([-1.0, 1.0])), 9)
    100.0
    """
    return float(PER * ((m - m.mean()) * rr).mean())


def outcome(day: Ints, live: Floats, challenger: Floats, rr: Floats) -> dict[str, Any]:
    """The uplift of each over n closed trades, and challenger minus live, each with its 95 % band over days.

    `live` and `challenger` are multipliers m (n,), `rr` (n,) in R, `day` (n,) the UTC day each closed on or was asked
    on. Every draw takes its own mean of m away. Fewer than two days: no band.
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
    told = {name: {"mean": at, "low": low, "high": high}
            for name, at, (low, high) in zip(names, points, bands, strict=True)}  # fmt: skip
    return {"n": n, "days": days, "is_few": n < FEW, **told}


def _drawn(day: Ints, live: Floats, challenger: Floats, rr: Floats, days: int) -> Floats:
    """(draws, 2) the uplift of each in every draw, from sums by day alone."""
    draws = day_draws(days)
    _, of_rr, counts = day_sums(day, rr)
    n = draws @ counts
    mean_rr = (draws @ of_rr) / n
    found = []
    for m in (live, challenger):
        of_m, of_both = day_sums(day, m)[1], day_sums(day, m * rr)[1]
        found.append(PER * ((draws @ of_both) / n - (draws @ of_m) / n * mean_rr))
    return np.column_stack(found)


def compared(column: Column, close: float) -> Mapping[str, Any]:
    """All but the outcome of one lever, as JSON values."""
    return {
        "requests": len(column.live),
        "changed": int(np.count_nonzero(column.live != column.challenger)),
        **agreement(column.live, column.challenger, close),
        "live": movement(column.live, column.live_bounded),
        "challenger": movement(column.challenger, column.challenger_bounded),
        "histogram": histogram(column.live, column.challenger),
    }
