"""Context from bars: its speed and memory, and whether every dimension is there once its stated history is.

`./dev bench context [--trades N --pairs N --bars N] [--data DIR]`. Without data, trades at random times on random walks
of five-minute bars, written as a freqtrade data folder. With it, DIR is a folder of real trade logs and their bars,
and the stated history of each dimension is counted once more in a plain way.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import resource
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from telemetry.core.file_formats.exclusions import NO_BARS
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.freqtrade_facts import Run
from telemetry.core.file_formats.freqtrade_trade import read_trade
from telemetry.core.market_context.bars import DAY, HOUR, SECONDS, Bars, Ints, lengthened
from telemetry.core.market_context.context import BY_MODULE
from telemetry.core.unit_of_risk import Unit
from telemetry.recording.bar_files import BarFolder
from telemetry.recording.market_context import BarsContext
from tests.bench.report import figure, timed
from tests.telemetry.recording.data_folders import convert_shared_bars, shared_bars, write_bars

FIRST = 1_704_067_200  # 2024-01-01T00:00Z
SOURCES = ("alpergulsen_2023", "genetrader_2024")
NUMBERS = (
    "open_rate", "close_rate", "profit_ratio", "initial_stop_loss_ratio", "leverage", "fee_open", "fee_close",
)  # fmt: skip
BAR_SECONDS = 60
BATCH = 2_000


def run(trades: int = 10_000, pairs: int = 60, bars: int = 2_000_000) -> None:
    """Measure trades at random times over random walks, read in batches as an import does."""
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        walks = [_walk(random, f"P{number}/USDT", bars // pairs) for number in range(pairs)]
        for one in walks:
            write_bars(Path(folder), one)
        rows = [_random_row(random, walks[int(random.integers(pairs))]) for _ in range(trades)]
        _measure("random", Path(folder), rows, pairs * (bars // pairs))


def run_real(data: Path, source: str) -> None:
    """Measure a real log over its own bars, and compare what is there with what its history allows."""
    with tempfile.TemporaryDirectory() as folder:
        count = convert_shared_bars(data / source, Path(folder))
        rows = _real_rows(data / source)
        found = _measure(source, Path(folder), rows, count)
    histories = Histories.of(list(shared_bars(data / source)))
    allowed: dict[str, list[bool]] = {name: [] for name in BY_MODULE["pm"]}
    present: dict[str, list[bool]] = {name: [] for name in BY_MODULE["pm"]}
    for row in found:
        scope = _scope(row)
        for name, is_met in histories.met(row).items():
            allowed[name].append(is_met)
            present[name].append(name in scope)
    for name, met in allowed.items():
        alike = float((np.array(present[name]) == np.array(met)).mean())
        extent = {"trades": len(met), "history_met": sum(met), "present": sum(present[name]), "bar": 1.0}
        figure("context", f"{source} {name} present where its history is met, and only there", alike, "share", **extent)


def _measure(name: str, folder: Path, rows: Sequence[Row], bars: int) -> list[Row]:
    context = BarsContext(BarFolder(folder))
    found: list[Row] = []
    market = timed(lambda: context.market)
    seconds = timed(partial(_in_batches, context, rows, found))
    of = {"trades": len(rows), "bars": bars}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figure("context", f"{name} market", market.wall, "s", cpu_s=round(market.cpu, 2), **of)
    figure("context", f"{name} rows", seconds.wall, "s", cpu_s=round(seconds.cpu, 2), bar=BAR_SECONDS, **of)
    figure("context", f"{name} rate", len(rows) / (market.wall + seconds.wall), "trades/s", **of)
    figure("context", f"{name} peak memory", peak, "MB", **of)
    for what, category in (("rr", "trade"), ("replays", "entry"), ("rr_after", "exit"), ("leg_rr", "add")):
        if (share := context.report.share(category, what)) == share:
            figure("context", f"{name} {what} given", share, "share", **of)
    return found


def _in_batches(context: BarsContext, rows: Sequence[Row], found: list[Row]) -> None:
    for start in range(0, len(rows), BATCH):
        found += context(rows[start : start + BATCH])


@dataclass(frozen=True)
class Histories:
    """When the bars of each pair ended, by timeframe, and the midnights before which it had a week of full days."""

    ends: Mapping[tuple[str, str], Ints]
    weeks: Mapping[str, Ints]
    start: int

    @classmethod
    def of(cls, bars: Sequence[Bars]) -> Histories:
        ends, hours = {(one.symbol, one.timeframe): one.end for one in bars}, {}
        for one in sorted(bars, key=lambda each: SECONDS[each.timeframe]):
            if (hourly := lengthened(one, "1h")) is not None:
                hours[one.symbol] = hourly
        ends |= {(symbol, "1h"): one.end for symbol, one in hours.items()}
        start = min(int(one.time[0]) for one in hours.values())
        return cls(ends, {symbol: _weeks(one) for symbol, one in hours.items()}, start)

    def met(self, row: Row) -> dict[str, bool]:
        """Return, for each dimension of pm, whether the history that it states to need lies before the entry."""
        if row.market is None:
            return {}
        pair, timeframe, at = row.market.pair, row.market.timeframe or "", int(row.market.opened_at.timestamp())
        own, hourly = (self._closed(pair, name, at) for name in (timeframe, "1h"))
        market, midnight = (at - self.start) // HOUR, at // DAY * DAY
        with_week = [symbol for symbol, weeks in self.weeks.items() if midnight in weeks]
        has_bucket = pair in with_week and len(with_week) >= 3
        return {
            "macro_phase": market >= 720,
            "meso_phase": market >= 168,
            "micro_phase": market >= 168,
            "bucket_leader": len(with_week) >= 3,
            "bucket": has_bucket,
            "bucket_rank_position": has_bucket,
            "market_family": True,
            "timeframe": bool(timeframe),
            "A_mode": own >= 50,
            "E_mode": own >= 20,
            "hour": True,
            "weekday": True,
            "volatility": hourly >= 133,
            "trend": hourly >= 50,
        }

    def _closed(self, pair: str, timeframe: str, at: int) -> int:
        ends = self.ends.get((pair, timeframe))
        return 0 if ends is None else int(np.searchsorted(ends, at, side="right"))


def _weeks(hours: Bars) -> Ints:
    """Return the midnights before which, in 30 days, at least seven days had 20 traded hours."""
    days, counts = np.unique(hours.time // DAY, return_counts=True)
    full = days[counts >= 20]
    midnights = np.arange(days[0], days[-1] + 2)
    enough = [int(((full < day) & (full >= day - 30)).sum()) >= 7 for day in midnights]
    found: Ints = midnights[np.array(enough)] * DAY
    return found


def _scope(row: Row) -> Mapping[str, str]:
    """Return the scope of the entry."""
    if not isinstance(row.payload, dict):
        raise AssertionError(f"{row.place}: {row.refusals}")
    scope: Mapping[str, str] = row.payload["actions"][0]["scope"]
    return scope


def _real_rows(folder: Path) -> list[Row]:
    """Return the trades of a log as the importer reads them, measured by 2 ATR."""
    with gzip.open(folder / "runs.csv.gz", "rt", newline="") as stream:
        timeframes = {(run["run"], run["strategy"]): run["timeframe"] for run in csv.DictReader(stream)}
    rows = []
    with gzip.open(folder / "trades.csv.gz", "rt", newline="") as stream:
        for place, trade in enumerate(csv.DictReader(stream)):
            run = Run(run_id=trade["run"], timeframe=timeframes[trade["run"], trade["strategy"]], is_backtest=True)
            fields: dict[str, object] = {name: cell for name, cell in trade.items() if cell}
            fields |= {name: float(trade[name]) for name in NUMBERS if trade[name]}
            rows.append(_by_atr(read_trade(f"line {place + 2}", fields, run, Defaults())))
    return rows


def _by_atr(row: Row) -> Row:
    if not isinstance(row.payload, dict):
        raise AssertionError(f"{row.place}: {row.refusals}")
    return replace(row, unit=Unit.ATR, payload={**row.payload, "rr": None, "excluded_reason": NO_BARS})


def _walk(random: np.random.Generator, symbol: str, count: int) -> Bars:
    closes = np.round(100 * np.exp(np.cumsum(0.002 * random.standard_normal(count))), 4)
    opens = np.append(100.0, closes[:-1])
    highs, lows = np.maximum(opens, closes) * 1.001, np.minimum(opens, closes) * 0.999
    volume = 1000 * np.exp(random.standard_normal(count))
    return Bars(symbol, "5m", FIRST + 300 * np.arange(count), opens, highs, lows, closes, volume)


def _random_row(random: np.random.Generator, bars: Bars) -> Row:
    entry = int(random.integers(len(bars) // 20, len(bars) - 60))
    leaves = entry + int(random.integers(1, 30))
    trade = {
        "trade_id": f"{bars.symbol} {entry} {leaves}",
        "pair": bars.symbol,
        "strategy": "Bench",
        "timeframe": "5m",
        "open_date": _text(bars, entry),
        "close_date": _text(bars, leaves),
        "open_rate": float(bars.open[entry]),
        "close_rate": float(bars.open[leaves]),
        "profit_ratio": float(bars.open[leaves] / bars.open[entry] - 1),
        "initial_stop_loss_ratio": -0.5,
        "is_short": False,
    }
    return _by_atr(read_trade("row", trade, Run(), Defaults()))


def _text(bars: Bars, place: int) -> str:
    return datetime.fromtimestamp(int(bars.time[place]), UTC).isoformat()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option, default in (("--trades", 10_000), ("--pairs", 60), ("--bars", 2_000_000)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    if given.data is None:
        run(given.trades, given.pairs, given.bars)
    else:
        for each in SOURCES:
            run_real(given.data, each)
