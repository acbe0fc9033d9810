"""Which book tells a position best: live supersedes dry, and dry supersedes backtest. Others stand for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RANKS: Mapping[str, int] = MappingProxyType({"backtest": 0, "dry": 1, "live": 2})


def supersedes(other: str, book: str, exchange_of_other: str, exchange: str) -> bool:
    """Return whether a trade in the book `other` takes the place of one in `book` that tells the same position.

    Both books have a rank. The exchanges must be the same where both trades name one.

    >>> supersedes("live", "backtest", "", "binance"), supersedes("live", "dry", "kraken", "binance")
    (True, False)
    """
    same_market = not exchange_of_other or not exchange or exchange_of_other == exchange
    return RANKS[other] > RANKS[book] and same_market


def exchange_of(cluster_id: str, entry_id: str) -> str:
    """Return the exchange that a computed cluster begins with; empty if it names none or was given by the file.

    >>> exchange_of("binance:BTC/USDT:long:2024:macd", "BTC/USDT:long:2024"), exchange_of("e1", "BTC/USDT:long:2024")
    ('binance', '')
    """
    before, found, _ = cluster_id.partition(f":{entry_id}:")
    return before if found else ""
