"""A folder of price bars, and a log of trades that were taken on them."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from telemetry.core.market_context.bars import Bars
from tests.telemetry.core.file_formats.builders import LOGGED, table
from tests.telemetry.recording.data_folders import write_bars

FIRST = datetime(2024, 4, 1, tzinfo=UTC)
HOUR = 3600
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")


def write_hours(folder: Path, days: int = 60, kind: str = "json") -> Path:
    """Write hourly bars of four pairs from 2024-04-01 on, random walks that are the same each time."""
    time = int(FIRST.timestamp()) + HOUR * np.arange(24 * days)
    for number, pair in enumerate(PAIRS):
        random = np.random.default_rng(number)
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.004, len(time))))
        opened = np.concatenate([[100.0], close[:-1]])
        prices = {"open": opened, "high": np.maximum(opened, close) * 1.002, "low": np.minimum(opened, close) * 0.998}
        volume = random.uniform(10, 20, len(time))
        write_bars(folder, Bars(pair, "1h", time, **prices, close=close, volume=volume), kind)
    return folder


def logged(number: int, day: int, pair: str = "BTC/USDT", **over: str) -> dict[str, Any]:
    """Return a trade of four hours that was opened at ten on a day from 2024-04-01 on, its stop half the price away."""
    opened = FIRST + timedelta(days=day, hours=10)
    return LOGGED | {
        "trade_id": f"a{number}", "entry_id": "", "pair": pair, "timeframe": "1h",
        "open_rate": "100", "close_rate": "102",
        "open_date": opened.isoformat(), "close_date": (opened + timedelta(hours=4)).isoformat(),
        "profit_ratio": "0.02", "initial_stop_loss_ratio": "-0.5",
    } | over  # fmt: skip


def write_shared_log(source: Path, path: Path) -> Path:
    """Write a log of the shared sample data with the timeframes of its runs, which lie in a table of their own."""
    with gzip.open(source / "runs.csv.gz", "rt", newline="") as stream:
        timeframes = {(row["run"], row["strategy"]): row["timeframe"] for row in csv.DictReader(stream)}
    with gzip.open(source / "trades.csv.gz", "rt", newline="") as stream:
        rows = [row | {"timeframe": timeframes[row["run"], row["strategy"]]} for row in csv.DictReader(stream)]
    return write_log(path, *rows)


def write_log(path: Path, *rows: dict[str, Any]) -> Path:
    """Write trades as a CSV table."""
    path.write_bytes(table(*rows))
    return path
