"""Trade logs of other people: as the importer reads them, and with the market's scopes and a risk of 2 ATR added.

Their stops lie as far as half the price away, so their R is rarely reached. In R of 2 ATR outcomes have the size that
the plan's thresholds were made for.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from config.demo.market.scopes import pm_scope
from telemetry.core.file_formats.exclusions import WITHOUT_UNIT
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.core.file_formats.freqtrade_facts import Run
from telemetry.core.file_formats.freqtrade_trade import trade_payload
from telemetry.core.market_context.bars import Bars, Floats
from telemetry.core.market_context.indicators import Indicators
from telemetry.core.market_context.market import Market
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
    with gzip.open(data / LOGS[name], "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            payload = trade_payload(_typed(row), Run(run_id=row.get("run"), is_backtest=True), Defaults())
            if payload.get("excluded_reason") in WITHOUT_UNIT:
                del payload["excluded_reason"]  # its unit is 2 ATR, from the bars
            symbol = row["pair"].replace(":", "_")
            at = int(np.datetime64(row["open_date"].rstrip("Z"), "s").astype(np.int64))
            risk = prices[symbol].risk_at(at) if symbol in prices else float("nan")
            if risk >= LEAST_RISK:
                scope = pm_scope(market, symbol, "5m", at, ts=float("nan"), ox=float("nan"))
                actions = [action | {"scope": scope} for action in payload["actions"]]  # type: ignore[attr-defined]
                yield payload | {"rr": float(row["profit_ratio"]) / risk, "actions": actions}


def _typed(row: Mapping[str, str]) -> dict[str, object]:
    fields: dict[str, object] = {name: cell for name, cell in row.items() if cell}
    fields |= {name: float(row[name]) for name in ("profit_ratio", "initial_stop_loss_ratio")}
    return fields | {"is_short": row["is_short"] == "True"}
