"""The textbook rules over all real price bars: about 57,000 trades, as payloads that recording accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.demo.backtest.closed_trades import demo_trades
from config.demo.market.make_sample import read_hourly
from telemetry.core.market_context.bars import Bars

SOURCES = ("genetrader_2024", "nfi_2021", "alpergulsen_2023")
LEAST_BARS = 300


def hourly_bars(folder: Path) -> Iterator[Bars]:
    """Return the hourly bars of every pair with enough of them; needs pyarrow."""
    for pair in sorted({path.stem for kind in ("bars_1h", "bars_5m") for path in (folder / kind).glob("*.parquet")}):
        bars, _ = read_hourly(folder, pair)
        if len(bars) >= LEAST_BARS:
            yield bars


def converted(data: Path, sources: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Return the trades of the sources on hourly bars, without what no walk reads."""
    for source in sources:
        for trade in demo_trades(list(hourly_bars(data / source))):
            if trade["timeframe"] == "1h":
                for action in trade["actions"]:
                    action.pop("counterfactuals", None)
                yield trade
