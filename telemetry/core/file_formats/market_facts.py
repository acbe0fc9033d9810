"""What a file says of a trade's fills and stop: from this and price bars, its R and its context are computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled order: its time (aware, UTC), whether it entered, its mean price, the amount filled, and its own tag."""

    at: datetime
    is_entry: bool
    price: float
    amount: float
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """One trade as the market saw it; prices are in quote currency, ratios are per unit of stake (leverage included).

    - `profit_ratio`: the realized result after fees.
    - `stop_ratio`: the distance of the initial stop as a positive ratio of the stake; None if the file has none.
    - `stop_is_custom`: whether the strategy moves its stop by code of its own (None: the file does not say).
    - `fee_open`, `fee_close`: fees as a fraction of the amount traded.
    - `fills`: filled orders in time order; empty if the file has none.
    """

    exchange: str | None
    pair: str
    is_short: bool
    strategy: str
    timeframe: str | None
    opened_at: datetime
    closed_at: datetime
    open_rate: float
    close_rate: float | None
    leverage: float
    profit_ratio: float
    stop_ratio: float | None
    stop_is_custom: bool | None
    fee_open: float
    fee_close: float
    fills: tuple[Fill, ...] = ()
