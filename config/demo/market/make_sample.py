"""Extract `bars.npz` from a folder of Parquet bars: `python -m config.demo.market.make_sample <folder> <target.npz>`.

The folder holds `bars_1h/<PAIR>.parquet` and `bars_5m/<PAIR>.parquet` with columns `ts` (bar open time, epoch seconds)
and `open high low close volume` as integer ticks, with their decimals in the file's metadata. Only this script needs
pyarrow.
"""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from config.demo.market.archive import pack
from telemetry.core.market_context.bars import Bars, resample

FIRST = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2024, 9, 6, tzinfo=UTC).timestamp())
PAIRS = (
    *("BTC_USDT", "ETH_USDT", "SOL_USDT", "XRP_USDT"),  # majors
    *("DOGE_USDT", "PEPE_USDT", "AVAX_USDT", "LINK_USDT"),  # traded for tens of millions a day
    *("BOME_USDT", "ENA_USDT", "ZRO_USDT"),  # listed inside the window: 16 March, 2 April, 20 June
    *("ATOM_USDT", "UNI_USDT", "ICP_USDT", "HBAR_USDT", "CAKE_USDT", "ARKM_USDT"),  # around ten millions
    *("LTO_USDT", "KMD_USDT", "FIRO_USDT", "DEXE_USDT", "AVA_USDT", "JUV_USDT", "BIFI_USDT"),  # below one million
)


def read_parquet(path: Path, timeframe: str) -> tuple[Bars, tuple[int, int]]:
    """Return the bars of one file and its (price, volume) decimals."""
    table = importlib.import_module("pyarrow.parquet").read_table(path)
    decimals = int(table.schema.metadata[b"price_decimals"]), int(table.schema.metadata[b"volume_decimals"])
    price, volume = 10.0 ** decimals[0], 10.0 ** decimals[1]
    bars = Bars(
        path.stem.replace("_", "/", 1),
        timeframe,
        time=table["ts"].to_numpy(),
        open=table["open"].to_numpy() / price,
        high=table["high"].to_numpy() / price,
        low=table["low"].to_numpy() / price,
        close=table["close"].to_numpy() / price,
        volume=table["volume"].to_numpy() / volume,
    )
    return bars, decimals


def read_hourly(folder: Path, pair: str) -> tuple[Bars, tuple[int, int]]:
    """Return hourly bars of one pair: as stored, or from 5 minute bars if at least six of twelve traded."""
    hourly = folder / "bars_1h" / f"{pair}.parquet"
    if hourly.exists():
        return read_parquet(hourly, "1h")
    bars, decimals = read_parquet(folder / "bars_5m" / f"{pair}.parquet", "5m")
    return resample(bars, "1h", at_least=6), decimals


def main(folder: Path, target: Path) -> None:
    read = [read_hourly(folder, pair) for pair in PAIRS]
    bars = [one.between(FIRST, LAST) for one, _ in read]
    decimals = {one.symbol: exponents for one, exponents in read}
    arrays: dict[str, Any] = pack(bars, decimals)
    np.savez_compressed(target, **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
