"""Bars written as a freqtrade user has them on disk, and the shared sample data converted to that form."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from telemetry.core.market_context.bars import Bars
from telemetry.recording.bar_files import stem_of

pa: Any = importlib.import_module("pyarrow")  # it ships no types
feather: Any = importlib.import_module("pyarrow.feather")
parquet: Any = importlib.import_module("pyarrow.parquet")

NAMES = ("open", "high", "low", "close", "volume")


def write_bars(folder: Path, bars: Bars, kind: str = "feather") -> Path:
    """Write bars as freqtrade does, futures (BTC/USDT:USDT) in a folder of their own; return the file."""
    is_future = ":" in bars.symbol
    folder = folder / "futures" if is_future else folder
    folder.mkdir(parents=True, exist_ok=True)
    ending = f"{'-futures' if is_future else ''}.{kind}"
    path = folder / f"{stem_of(bars.symbol)}-{bars.timeframe}{ending}"
    WRITERS[kind](path, bars)
    return path


def shared_bars(folder: Path) -> Iterator[Bars]:
    """Return the bars of shared sample data: Parquet in integer ticks, with their decimals in the file's metadata."""
    with (folder.parent / "BARS_MANIFEST.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["source"] == folder.name]
    for row in rows:
        table = parquet.read_table(folder.parent / row["file"])
        price, volume = (10.0 ** int(row[name]) for name in ("price_decimals", "volume_decimals"))
        prices = {name: table[name].to_numpy() / price for name in NAMES[:4]}
        volumes = table["volume"].to_numpy() / volume
        yield Bars(row["pair"], row["timeframe"], table["ts"].to_numpy(), **prices, volume=volumes)


def convert_shared_bars(source: Path, target: Path, kind: str = "feather") -> int:
    """Write the bars of shared sample data as a freqtrade data folder; return the number of bars."""
    count = 0
    for bars in shared_bars(source):
        write_bars(target, bars, kind)
        count += len(bars)
    return count


def _table(bars: Bars) -> Any:
    date = pa.array(bars.time * 1000, pa.timestamp("ms", tz="UTC"))
    return pa.table({"date": date, **{name: getattr(bars, name) for name in NAMES}})


def _rows(bars: Bars) -> list[list[float]]:
    rows: list[list[float]] = np.column_stack([bars.time * 1000, *(getattr(bars, name) for name in NAMES)]).tolist()
    return rows


def _write_feather(path: Path, bars: Bars) -> None:
    feather.write_feather(_table(bars), path, compression="lz4")


def _write_parquet(path: Path, bars: Bars) -> None:
    parquet.write_table(_table(bars), path)


def _write_json(path: Path, bars: Bars) -> None:
    path.write_text(json.dumps(_rows(bars)))


def _write_json_gz(path: Path, bars: Bars) -> None:
    with gzip.open(path, "wt") as stream:
        json.dump(_rows(bars), stream)


def _write_csv(path: Path, bars: Bars) -> None:
    stamps = np.datetime_as_string(bars.time.astype("datetime64[s]"))
    lines = [
        ",".join([f"{stamp.replace('T', ' ')}+00:00", *(repr(value) for value in row[1:])])
        for stamp, row in zip(stamps.tolist(), _rows(bars), strict=True)
    ]
    path.write_text("\n".join([",".join(["date", *NAMES]), *lines]) + "\n")


WRITERS: dict[str, Callable[[Path, Bars], Any]] = {
    "feather": _write_feather,
    "parquet": _write_parquet,
    "json": _write_json,
    "json.gz": _write_json_gz,
    "csv": _write_csv,
}
