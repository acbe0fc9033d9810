"""Files of freqtrade: backtest results, lists of trades, and CSV tables with its field names as header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from telemetry.core.file_formats.csv_records import Record, number
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.flat_csv import cells_by_name
from telemetry.core.file_formats.freqtrade_trade import NAMES, Run, trade_payload
from telemetry.foundation.core.refusal import Refusal, Refused

REQUIRED = ("pair", "strategy", "open_date", "close_date", "profit_ratio", "initial_stop_loss_ratio")
_NUMBERS = ("profit_ratio", "initial_stop_loss_ratio")
_WORDS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def is_result(document: object) -> bool:
    """Return whether this is a backtest result: `strategy` maps names to results."""
    return isinstance(document, Mapping) and isinstance(document.get("strategy"), Mapping)


def is_trade(value: object) -> bool:
    """Return whether this is a trade of freqtrade rather than one of ours."""
    return isinstance(value, Mapping) and "pair" in value and "open_date" in value


def is_table(header: Sequence[str]) -> bool:
    """Return whether a CSV header is one of freqtrade."""
    return "pair" in header and "open_date" in header


def read_result(document: Mapping[str, Any], defaults: Defaults) -> Iterator[Row]:
    """Yield one row per trade of every strategy in a backtest result."""
    metadata = document.get("metadata")
    for name, result in document["strategy"].items():
        place = f"strategy.{name}"
        trades = result.get("trades") if isinstance(result, Mapping) else None
        if not isinstance(trades, list):
            message = "is not a list; export the backtest with --export trades"
            yield Row.refused(place, Refused(Refusal("trades", message)))
            continue
        described = metadata.get(name) if isinstance(metadata, Mapping) else None
        run_id = described.get("run_id") if isinstance(described, Mapping) else None
        yield from read_trades(f"{place}.trades", trades, Run(name, run_id, result.get("timeframe")), defaults)


def read_trades(place: str, trades: Iterable[object], run: Run, defaults: Defaults) -> Iterator[Row]:
    """Yield one row per trade of a list."""
    for index, trade in enumerate(trades):
        yield read_trade(f"{place}[{index}]", trade, run, defaults)


def refuse_table(header: Sequence[str]) -> None:
    """Raise Refused if the header lacks a required column."""
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise Refused(*(Refusal(name, "the header lacks this column; export it too") for name in missing))


def read_table(header: Sequence[str], records: Iterable[Record], defaults: Defaults) -> Iterator[Row]:
    """Yield one row per record of a table; trades are told apart by `trade_id`, or else by all their columns."""
    for record in records:
        try:
            if record.refused is not None:
                raise record.refused
            cells: dict[str, object] = dict(cells_by_name(header, record))
        except Refused as refused:
            yield Row.refused(record.place, refused)
            continue
        cells |= {name: number(str(cells[name])) for name in _NUMBERS if name in cells}
        cells |= {name: _WORDS.get(str(cells[name]).lower()) for name in ("is_open", "is_short") if name in cells}
        cells.pop("orders", None)
        run = cells.get("run")
        yield read_trade(record.place, cells, Run(run_id=str(run) if run is not None else None), defaults, record.size)


def read_trade(place: str, trade: object, run: Run, defaults: Defaults, size: int = 0) -> Row:
    """Return one trade as a row."""
    try:
        return Row(place, trade_payload(trade, run, defaults), names=NAMES, size=size)
    except Refused as refused:
        return Row.refused(place, refused)
