"""The scopes of the demo's trades: what bars say of the market, with what the rules themselves know.

Dimensions that bars cannot provide (chain, market cap, mapping confidence) are omitted, as are those with too short a
history.
"""

from __future__ import annotations

import math

from telemetry.core.market_context.bars import DAY
from telemetry.core.market_context.dimensions import VOLUMES, label, market_family, modes, regime
from telemetry.core.market_context.market import Market

AGES = (("<1d", 1), ("1-3d", 3), ("3-7d", 7), ("7-14d", 14), ("14-30d", 30), ("30-90d", 90), ("90d+", math.inf))
LISTED_AFTER_DAYS = 7


def pm_scope(market: Market, symbol: str, timeframe: str, at: int, *, ts: float, ox: float) -> dict[str, str]:
    """Return the regime with the pair's family, the timeframe, and the modes implied by TS (add) and OX (sell)."""
    own = {"market_family": market_family(symbol), "timeframe": timeframe}
    return regime(market, symbol, at) | own | modes(ts, ox)


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
