"""The sample's file format: integer ticks as differences, stored in byte planes that compress well.

A column is zigzag-coded (0, -1, 1, -2 become 0, 1, 2, 3), and its eight bytes are stored plane by plane. Prices and
volumes are restored exactly as `ticks / 10**decimals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.core.market_context.bars import HOUR, Bars, Ints

SAMPLE = Path(__file__).with_name("bars.npz")
SOURCE = (
    "Binance spot market data, hourly bars, from github.com/imsatoshi/GeneTrader "
    "@ 2b5dfc6e2077ef65b086376b2b536dad121c36cd, user_data/data/binance (MIT)"
)
COLUMNS = ("hours", "gap", "body", "upper", "lower", "volume")


def load(path: Path = SAMPLE) -> list[Bars]:
    """Return the hourly bars of the archive, one `Bars` for each pair, in the order written."""
    with np.load(path, allow_pickle=False) as archive:
        stops = np.cumsum(archive["rows"])
        columns = {name: _from_planes(archive[name]) for name in COLUMNS}
        decimals = zip(archive["price_decimals"], archive["volume_decimals"], strict=True)
        pieces = [
            {name: column[stop - rows : stop] for name, column in columns.items()}
            for stop, rows in zip(stops, archive["rows"], strict=True)
        ]
        return [
            _decode(str(symbol), piece, *exponents)
            for symbol, piece, exponents in zip(archive["symbols"], pieces, decimals, strict=True)
        ]


def pack(bars: Sequence[Bars], decimals: Mapping[str, tuple[int, int]]) -> dict[str, NDArray[Any]]:
    """Return the arrays that `load` reads; `decimals` holds the decimals of prices and volumes of each symbol."""
    pieces = [_encode(one, *decimals[one.symbol]) for one in bars]
    columns = {name: _to_planes(np.concatenate([piece[name] for piece in pieces])) for name in COLUMNS}
    return columns | {
        "source": np.array(SOURCE),
        "symbols": np.array([one.symbol for one in bars]),
        "rows": np.array([len(one) for one in bars]),
        "price_decimals": np.array([decimals[one.symbol][0] for one in bars]),
        "volume_decimals": np.array([decimals[one.symbol][1] for one in bars]),
    }


def _encode(bars: Bars, price_decimals: int, volume_decimals: int) -> dict[str, Ints]:
    prices = (bars.open, bars.high, bars.low, bars.close)
    opens, highs, lows, closes = (np.rint(column * 10.0**price_decimals).astype(np.int64) for column in prices)
    return {
        "hours": np.diff(bars.time // HOUR, prepend=0),
        "gap": opens - np.append(0, closes[:-1]),
        "body": closes - opens,
        "upper": highs - np.maximum(opens, closes),
        "lower": np.minimum(opens, closes) - lows,
        "volume": np.rint(bars.volume * 10.0**volume_decimals).astype(np.int64),
    }


def _decode(symbol: str, piece: Mapping[str, Ints], price_decimals: int, volume_decimals: int) -> Bars:
    closes = np.cumsum(piece["gap"] + piece["body"])
    opens = closes - piece["body"]
    highs = np.maximum(opens, closes) + piece["upper"]
    lows = np.minimum(opens, closes) - piece["lower"]
    price, volume = 10.0**price_decimals, 10.0**volume_decimals
    return Bars(
        symbol,
        "1h",
        time=HOUR * np.cumsum(piece["hours"]),
        open=opens / price,
        high=highs / price,
        low=lows / price,
        close=closes / price,
        volume=piece["volume"] / volume,
    )


def _to_planes(values: Ints) -> NDArray[np.uint8]:
    zigzag = np.where(values >= 0, 2 * values, -2 * values - 1).astype("<u8")
    return np.ascontiguousarray(zigzag.view(np.uint8).reshape(-1, 8).T)


def _from_planes(planes: NDArray[np.uint8]) -> Ints:
    zigzag = np.ascontiguousarray(planes.T).view("<u8").ravel().astype(np.int64)
    return np.where(zigzag % 2 == 0, zigzag // 2, -(zigzag + 1) // 2)
