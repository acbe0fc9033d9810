"""Importing files of closed trades: as a bot sends them, as a spreadsheet holds them, and as freqtrade exports them.

Timed from opening the file to the last commit, and once more when every trade is recorded already.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from config.imports.management.commands.import_trades import relaxed_garbage_collection
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.recording.import_files import FileReport, import_files
from telemetry.recording.revisions import Status
from tests.bench.record import empty_tables
from tests.bench.report import figure, scratch_database, timed
from tests.bench.worlds import NOW, world

TRADES = 100_000
ACTIONS = 3  # per trade in JSON lines, with ten dimensions each
BAR_SECONDS = 60

Payloads = Sequence[Mapping[str, Any]]


def write_json_lines(trades: Payloads, stream: IO[str]) -> None:
    stream.writelines(json.dumps(trade) + "\n" for trade in trades)


def write_flat_csv(trades: Payloads, stream: IO[str]) -> None:
    """Write one trade with its entry per row."""
    rows = []
    for trade in trades:
        entry = trade["actions"][0]
        row = {name: trade[name] for name in ("external_id", "symbol", "side", "opened_at", "closed_at", "rr")}
        row |= {"pattern_key": entry["pattern_key"]}
        rows.append(row | {f"scope.{name}": value for name, value in entry["scope"].items()})
    _write_table(rows, stream)


def write_freqtrade(trades: Payloads, stream: IO[str]) -> None:
    """Write the same trades with freqtrade's field names."""
    names = {"trade_id": "external_id", "pair": "symbol", "open_date": "opened_at", "close_date": "closed_at"}
    constants = {"strategy": "Bench", "is_short": False, "enter_tag": "dip", "initial_stop_loss_ratio": -0.1}
    rows = [
        {ours: trade[name] for ours, name in names.items()} | constants | {"profit_ratio": 0.05} for trade in trades
    ]
    _write_table(rows, stream)


FORMS: dict[str, Callable[[Payloads, IO[str]], None]] = {
    "trades.jsonl": write_json_lines,
    "trades.csv": write_flat_csv,
    "freqtrade.csv": write_freqtrade,
}


def run(count: int = TRADES) -> None:
    payloads = world(count * ACTIONS).payloads("bench", ACTIONS)
    with tempfile.TemporaryDirectory() as folder:
        for name, write in FORMS.items():
            path = Path(folder) / name
            with path.open("w", encoding="utf-8", newline="") as stream:
                write(payloads, stream)
            empty_tables()
            measure(path, count)
    empty_tables()


def measure(path: Path, count: int) -> None:
    of = {"trades": count, "megabytes": round(path.stat().st_size / 1e6, 1)}
    for name, status in (("first", Status.NEW), ("again", Status.UNCHANGED)):
        reports: list[FileReport] = []
        with relaxed_garbage_collection():
            seconds = timed(partial(_import, path, reports))
        if reports[0].counts[status] != count:
            raise AssertionError(f"{path.name}: {reports[0].counts}, not {count} {status}")
        figure("import", f"{path.name} {name}", seconds.wall, "s", cpu_s=round(seconds.cpu, 2), bar=BAR_SECONDS, **of)


def _import(path: Path, reports: list[FileReport]) -> None:
    reports += import_files([path], now=NOW, defaults=Defaults())


def _write_table(rows: Sequence[Mapping[str, object]], stream: IO[str]) -> None:
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
