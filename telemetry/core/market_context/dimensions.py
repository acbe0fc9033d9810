"""The dimensions that bars can give: their values, their cuts, and the history that each of them needs.

`micro`, `mid`, `big` are terciles of traded volume within the universe: liquidity, not market capitalisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .market import HORIZONS, Market

MAJORS = ("BTC", "ETH", "BNB", "SOL", "XRP")
MODES = (("patient", 0.33), ("normal", 0.67), ("aggressive", math.inf))
VOLUMES = (
    ("<10k", 10e3),
    ("10k-50k", 50e3),
    ("50k-100k", 100e3),
    ("100k-250k", 250e3),
    ("250k-500k", 500e3),
    ("500k-1m", 1e6),
    ("1m+", math.inf),
)
TRENDS = (("down", -0.5), ("flat", 0.5), ("up", math.inf))
VOLATILITIES = (("low", 1 / 3), ("normal", 2 / 3), ("high", math.inf))
WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")  # 1970-01-01 was a Thursday
OF_UNIVERSE = (*HORIZONS, "bucket_leader", "bucket", "bucket_rank_position")
PM_DIMENSIONS = (*OF_UNIVERSE, "market_family", "timeframe", "A_mode", "E_mode")
DM_DIMENSIONS = (*OF_UNIVERSE, "vol_bucket")
OPT_IN_DIMENSIONS = ("hour", "weekday", "volatility", "trend")


@dataclass(frozen=True)
class Dimension:
    """What a dimension means, and the bars it needs before an action (None: none at all)."""

    meaning: str
    warm_up: str | None


DIMENSIONS: Mapping[str, Dimension] = {
    "macro_phase": Dimension(
        "The phase of the universe's equal-weight index over thirty days.", "720 hours of the market"
    ),
    "meso_phase": Dimension(
        "The phase of the universe's equal-weight index over seven days.", "168 hours of the market"
    ),
    "micro_phase": Dimension("The phase of the universe's equal-weight index over one day.", "168 hours of the market"),
    "bucket_leader": Dimension(
        "The liquidity bucket whose pairs had the best mean return in the 7 days before midnight UTC.",
        "three pairs with seven full days each before midnight UTC",
    ),
    "bucket": Dimension(
        "The tercile of the pair's median daily quote volume in the 30 days before midnight UTC.",
        "seven full days of the pair, and of two others, before midnight UTC",
    ),
    "bucket_rank_position": Dimension(
        "The rank of the pair's bucket by return in the 7 days before midnight UTC, 1 to 3.",
        "seven full days of the pair, and of two others, before midnight UTC",
    ),
    "market_family": Dimension(f"majors ({', '.join(MAJORS)}) or lowcaps.", None),
    "timeframe": Dimension("The timeframe of the trade's signals.", None),
    "A_mode": Dimension(
        "TS = .5 + .5 tanh(side (EMA20 - EMA50) / (2 ATR14)) on the trade's timeframe, cut at .33 and .67.",
        "50 bars of the trade's timeframe",
    ),
    "E_mode": Dimension(
        "OX = clip(side (close - EMA20) / (3 ATR14), 0, 1) on the trade's timeframe, cut at .33 and .67.",
        "20 bars of the trade's timeframe",
    ),
    "vol_bucket": Dimension("The pair's quote volume of the last 24 hours.", "20 of the last 24 hours of the pair"),
    "hour": Dimension("The hour of the action, UTC, 0 to 23.", None),
    "weekday": Dimension("The weekday of the action, UTC.", None),
    "volatility": Dimension(
        "The rank of ATR14 / close on 1 h bars among the pair's own last 120 hourly bars, in thirds.",
        "133 hourly bars of the pair",
    ),
    "trend": Dimension(
        "(EMA20 - EMA50) / ATR14 on 1 h bars: down below -.5, up from .5 on, flat between.",
        "50 hourly bars of the pair",
    ),
}


def label(value: float, edges: Sequence[tuple[str, float]]) -> str:
    """Return the half-open bucket [lower, upper) of a value; each edge names the bucket below it.

    >>> label(0.33, MODES), label(999_999.0, VOLUMES), label(-0.5, TRENDS)
    ('normal', '500k-1m', 'flat')
    """
    return next(name for name, upper in edges if value < upper)


def regime(market: Market, symbol: str, at: int) -> dict[str, str]:
    """Return the index phases, the pair's liquidity bucket and its rank (1 to 3), and the leading bucket."""
    if not market.covers(at):
        return {}
    hour = market.hour(at)
    scope = {name: market.phases[name][hour] for name in HORIZONS if market.phases[name][hour]}
    day = market.day(at)
    if day is not None:
        scope["bucket_leader"] = day.ranking[0]
        if symbol in day.bucket:
            scope["bucket"] = day.bucket[symbol]
            scope["bucket_rank_position"] = str(day.ranking.index(scope["bucket"]) + 1)
    return scope


def market_family(symbol: str) -> str:
    """Return whether the base currency is one of the five majors.

    >>> market_family("BTC/USDT:USDT"), market_family("PEPE/USDT")
    ('majors', 'lowcaps')
    """
    return "majors" if symbol.partition("/")[0] in MAJORS else "lowcaps"


def modes(ts: float, ox: float) -> dict[str, str]:
    """Return the modes implied by trend strength (A_mode) and over-extension (E_mode), without those that are NaN."""
    scores = (("A_mode", ts), ("E_mode", ox))
    return {name: label(score, MODES) for name, score in scores if not math.isnan(score)}
