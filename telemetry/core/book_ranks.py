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
    return RANKS[other] > RANKS[book] and is_same_market(exchange_of_other, exchange)


def is_same_market(exchange: str, other: str) -> bool:
    """Return whether two exchanges are one, as far as both are named; exports differ in capital letters.

    >>> is_same_market("Binance", "binance"), is_same_market("", "binance"), is_same_market("kraken", "binance")
    (True, True, False)
    """
    return not exchange or not other or exchange.lower() == other.lower()


def exchange_of(cluster_id: str, entry_id: str) -> str:
    """Return the exchange that a computed cluster begins with; empty if it names none or was given by the file.

    >>> exchange_of("binance:BTC/USDT:long:2024:macd", "BTC/USDT:long:2024"), exchange_of("e1", "BTC/USDT:long:2024")
    ('binance', '')
    """
    before, found, _ = cluster_id.partition(f":{entry_id}:")
    return before if found else ""
