"""Scopes: what was known of the market when an action was taken, in the dimensions that lessons use.

Dimensions that bars cannot provide (chain, market cap, mapping confidence) are omitted, as are those with too short a
history. `micro`, `mid`, `big` are terciles of traded volume within the sample: liquidity, not market capitalisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from config.demo.market.bars import DAY
from config.demo.market.conditions import HORIZONS, Market

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
AGES = (("<1d", 1), ("1-3d", 3), ("3-7d", 7), ("7-14d", 14), ("14-30d", 30), ("30-90d", 90), ("90d+", math.inf))
LISTED_AFTER_DAYS = 7


def label(value: float, edges: Sequence[tuple[str, float]]) -> str:
    """Return the half-open bucket [lower, upper) of a value; each edge names the bucket below it.

    >>> label(0.33, MODES), label(999_999.0, VOLUMES), label(3.0, AGES)
    ('normal', '500k-1m', '3-7d')
    """
    return next(name for name, upper in edges if value < upper)


def regime(market: Market, symbol: str, at: int) -> dict[str, str]:
    """Return the index phases, the pair's liquidity bucket and its rank (1 to 3), and the leading bucket."""
    hour = market.hour(at)
    scope = {name: market.phases[name][hour] for name in HORIZONS if market.phases[name][hour]}
    day = market.day(at)
    if day is not None:
        scope["bucket_leader"] = day.ranking[0]
        if symbol in day.bucket:
            scope["bucket"] = day.bucket[symbol]
            scope["bucket_rank_position"] = str(day.ranking.index(scope["bucket"]) + 1)
    return scope


def pm_scope(market: Market, symbol: str, timeframe: str, at: int, *, ts: float, ox: float) -> dict[str, str]:
    """Return the regime with the pair's family, the timeframe, and the modes implied by TS (add) and OX (sell)."""
    scope = regime(market, symbol, at)
    scope["market_family"] = "majors" if symbol.partition("/")[0] in MAJORS else "lowcaps"
    scope["timeframe"] = timeframe
    for name, score in (("A_mode", ts), ("E_mode", ox)):
        if not math.isnan(score):
            scope[name] = label(score, MODES)
    return scope


def dm_scope(market: Market, symbol: str, at: int, *, family: str, adding: bool) -> dict[str, str]:
    """Return the regime with the rule family as curator, the pair's traded volume and age, and the intent.

    The age is known for pairs listed within the data; the intent is set if another rule holds the pair on the same
    side.
    """
    scope = regime(market, symbol, at) | {"curator": family}
    volume = float(market.volume[symbol][market.hour(at)])
    if not math.isnan(volume):
        scope["vol_bucket"] = label(volume, VOLUMES)
    if market.first[symbol] - market.start >= LISTED_AFTER_DAYS * DAY:
        scope["age_bucket"] = label((at - market.first[symbol]) / DAY, AGES)
    if adding:
        scope["intent"] = "adding_to_position"
    return scope
