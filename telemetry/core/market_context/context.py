"""The scope of an action: what bars that had closed before it say of the market, the pair and the clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bars import DAY, HOUR, SECONDS
from .dimensions import (
    DIMENSIONS,
    DM_DIMENSIONS,
    OF_UNIVERSE,
    OPT_IN_DIMENSIONS,
    PM_DIMENSIONS,
    TRENDS,
    VOLATILITIES,
    VOLUMES,
    WEEKDAYS,
    label,
    market_family,
    modes,
    regime,
)
from .indicators import LONG, SHORT
from .market import Market
from .pair_history import SLOW, PairHistory

BY_MODULE: Mapping[str, tuple[str, ...]] = {
    "pm": PM_DIMENSIONS + OPT_IN_DIMENSIONS,
    "dm": DM_DIMENSIONS + OPT_IN_DIMENSIONS,
}
SIDES: Mapping[str, int] = {"long": LONG, "short": SHORT}


@dataclass(frozen=True)
class Context:
    """The values of the dimensions that bars could give, and the reason for each that they could not."""

    scope: Mapping[str, str]
    missing: Mapping[str, str]


def context(
    market: Market | None,
    pair: PairHistory | None,
    symbol: str,
    timeframe: str | None,
    at: int,
    side: str,
    *,
    dimensions: Sequence[str] = BY_MODULE["pm"],
) -> Context:
    """Return the context of an action on `symbol` at a time in epoch seconds, from bars closed by then.

    `market` holds the universe, `pair` the symbol's own bars; None if there are none. `side` is "long" or "short".
    `dimensions` are the ones to give, in this order; the module's own are in BY_MODULE. The scope also carries
    `universe`, the market's label, if it carries a dimension that depends on the universe. Raises KeyError for an
    unknown side or dimension.
    """
    found = _found(market, pair, symbol, timeframe, at, SIDES[side])
    scope = {name: found[name] for name in dimensions if name in found}
    if market is not None and any(name in scope for name in OF_UNIVERSE):
        scope["universe"] = market.universe.label
    missing = {name: _reason(name, market, pair, symbol, timeframe, at) for name in dimensions if name not in found}
    return Context(scope, missing)


def _found(
    market: Market | None, pair: PairHistory | None, symbol: str, timeframe: str | None, at: int, side: int
) -> dict[str, str]:
    found = {} if market is None else regime(market, symbol, at)
    found["market_family"] = market_family(symbol)
    found["hour"] = str(at % DAY // HOUR)
    found["weekday"] = WEEKDAYS[at // DAY % 7]
    if timeframe:
        found["timeframe"] = timeframe
    if pair is None:
        return found
    if timeframe:
        found |= modes(*pair.ts_and_ox(timeframe, side, at))
    scores = (
        ("vol_bucket", pair.quote_volume(at), VOLUMES),
        ("volatility", pair.volatility_rank(at), VOLATILITIES),
        ("trend", pair.trend(at), TRENDS),
    )
    return found | {name: label(score, edges) for name, score, edges in scores if not math.isnan(score)}


def _reason(
    name: str, market: Market | None, pair: PairHistory | None, symbol: str, timeframe: str | None, at: int
) -> str:
    """Return why a dimension has no value, as a phrase."""
    needs = f"needs {DIMENSIONS[name].warm_up}"
    if name in OF_UNIVERSE:
        return _reason_of_market(name, market, symbol, at) or needs
    if name == "timeframe":
        return "the trade states no timeframe"
    return _reason_of_pair(name, pair, timeframe, at) or needs


def _reason_of_market(name: str, market: Market | None, symbol: str, at: int) -> str | None:
    if market is None:
        return "there are no bars of one hour or shorter of the universe"
    if not market.covers(at):
        if at < market.first_close:
            return None
        return "the universe has no bar in the 24 hours before the action"
    if name in ("bucket", "bucket_rank_position") and symbol not in market.universe.pairs:
        return "the pair does not belong to the universe"
    return None


def _reason_of_pair(name: str, pair: PairHistory | None, timeframe: str | None, at: int) -> str | None:
    needed = timeframe if name in ("A_mode", "E_mode") else "1h"
    if needed is None:
        return "the trade states no timeframe"
    if needed not in SECONDS:
        return "the trade's timeframe is not one that bars are computed for"
    if pair is None or not pair.bars:
        return "there are no bars of the pair"
    course = pair.course(needed)
    if course is None:
        return f"the bars of the pair are longer than {needed} or do not divide it"
    if int(course.bars.end[0]) <= at and course.last(at) < 0:
        return "the pair has no bar in the day before the action"
    if course.last(at) >= SLOW and name != "vol_bucket" and course.atr[course.last(at)] == 0:
        return "the price of the pair did not move"
    return None
