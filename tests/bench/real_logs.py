"""Trade logs of other people: as the importer reads them, and with the market's scopes and a risk of 2 ATR added.

Their stops lie as far as half the price away, so their R is rarely reached. In R of 2 ATR outcomes have the size that
the plan's thresholds were made for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from config.demo.market.scopes import pm_scope
from telemetry.core.file_formats.detect_format import read_rows
from telemetry.core.file_formats.exclusions import WITHOUT_UNIT
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.core.market_context.bars import Bars, Floats
from telemetry.core.market_context.indicators import Indicators
from telemetry.core.market_context.market import Market
from telemetry.foundation.core.refusal import Refused
from tests.bench.real_trades import hourly_bars

LOGS = {
    "alpergulsen_2023": "alpergulsen_2023/trades.csv.gz",
    "genetrader_2024": "genetrader_2024/trades.csv.gz",
    "freqtrade_testdata_2018": "freqtrade_testdata_2018/trades.csv.gz",
    "gyaja_live_2021": "gyaja_live_2021/trades.csv.gz",
    "freqtrade_native": "freqtrade_native/backtest-result.json",
}
SCOPED = ("alpergulsen_2023", "genetrader_2024")
LEAST_RISK = 0.004  # relative to the price, because the ATR of a flat pair is almost 0


@dataclass(frozen=True, eq=False)
class Prices:
    bars: Bars
    atr: Floats

    def risk_at(self, at: int) -> float:
        """Return 2 ATR over the close of the last bar that had ended; NaN if there is none."""
        known = int(np.searchsorted(self.bars.end, at, side="right")) - 1
        return float(2 * self.atr[known] / self.bars.close[known]) if known >= 0 else float("nan")


def scoped_log(data: Path, name: str) -> Iterator[Mapping[str, Any]]:
    """Return the trades of a log whose pair has bars before the entry, with scopes as of the entry."""
    bars = list(hourly_bars(data / name))
    market = Market.of(bars)
    prices = {each.symbol: Prices(each, Indicators.of(each).atr) for each in bars}
    path = data / LOGS[name]
    with path.open("rb") as stream:
        for row in read_rows(stream, path.name, path.stat().st_size, Defaults()):
            if row.market is None or not isinstance(row.payload, dict):
                raise Refused(*row.refusals)
            payload = dict(row.payload)
            if payload.get("excluded_reason") in WITHOUT_UNIT:
                del payload["excluded_reason"]  # its unit is 2 ATR, from the bars
            symbol, at = row.market.pair.replace(":", "_"), int(row.market.opened_at.timestamp())
            risk = prices[symbol].risk_at(at) if symbol in prices else float("nan")
            if risk >= LEAST_RISK:
                scope = pm_scope(market, symbol, "5m", at, ts=float("nan"), ox=float("nan"))
                actions = [action | {"scope": scope} for action in payload["actions"]]
                yield payload | {"rr": row.market.profit_ratio / risk, "actions": actions}
