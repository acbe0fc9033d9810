"""The situation of an action from candles, live: the same code that an import with `--bars` uses, so both say the same.

In a freqtrade strategy with the hooks of `freqtrade_strategy.py` (the file lies beside this one):

    def informative_pairs(self):
        return [(pair, "1h") for pair in self.dp.current_whitelist()]

    def scope(self, pair, at, side):
        if not hasattr(self, "_market_scope"):
            read = lambda pair, unit: bars_of(pair, unit, self.dp.get_pair_dataframe(pair, unit))
            self._market_scope = MarketScope("my pairs", self.dp.current_whitelist(), read)
        return self._market_scope(pair, self.timeframe, at, side)

Phases, buckets and leaders depend on which pairs are looked at, so the universe has a name, and its hash stands with
the scope. Import with `--universe "my pairs"` over the bars of the same pairs. Phases need up to 30 days of hourly
candles; what the candles do not reach is left out of the scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import numpy as np
from counterweight.market_context.bars import Bars
from counterweight.market_context.context import context
from counterweight.market_context.market import Market
from counterweight.market_context.pair_history import PairHistory
from counterweight.market_context.universe import Universe

COLUMNS = ("open", "high", "low", "close", "volume")
Read = Callable[[str, str], Bars]  # pair and timeframe -> its closed candles


class MarketScope:
    """Computes scopes from candles that had closed; the tables of the market are computed once an hour."""

    def __init__(self, universe: str, pairs: Iterable[str], read: Read) -> None:
        self._universe, self._read = Universe.of(universe, pairs), read
        self._hour, self._market = -1, None

    def __call__(self, pair: str, timeframe: str, at: datetime, side: str) -> dict[str, str]:
        """Return the scope of an action of module pm; `at` is an aware time, `side` "long" or "short"."""
        now = int(at.timestamp())
        if self._hour != now // 3600:
            self._market = Market.of([self._read(each, "1h") for each in self._universe.pairs], self._universe)
            self._hour = now // 3600
        history = PairHistory(pair, [self._read(pair, each) for each in {timeframe, "1h"}])
        return dict(context(self._market, history, pair, timeframe, now, side).scope)


def bars_of(pair: str, timeframe: str, frame: Any) -> Bars:
    """Return the candles of a pandas table as freqtrade has them: date, open, high, low, close and volume."""
    time = frame["date"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    columns = {name: frame[name].to_numpy(dtype=float) for name in COLUMNS}
    return Bars(pair, timeframe, time, **columns)
