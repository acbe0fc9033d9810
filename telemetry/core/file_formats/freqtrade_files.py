"""Files of freqtrade: backtest results, lists of trades, and CSV tables with its field names as header."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from telemetry.core.file_formats.csv_records import Record, cells_by_name, number
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.freqtrade_facts import Run
from telemetry.core.file_formats.freqtrade_names import TIMESTAMPS, missing_columns
from telemetry.core.file_formats.freqtrade_trade import read_trade
from telemetry.core.file_formats.spellings import truth
from telemetry.foundation.core.refusal import Refusal, Refused

BACKTEST = "backtest"
TRADED = ("dry", "live")  # books that supersede backtests
_FIRST_NUMBERS = ("profit_ratio", "initial_stop_loss_ratio")
_NUMBERS = (
    *_FIRST_NUMBERS, "close_profit", "initial_stop_loss_pct", "leverage", "open_rate", "close_rate", "fee_open",
    "fee_close", "amount",
)  # fmt: skip
_FIRST_WORDS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def is_result(document: object) -> bool:
    """Return whether this is a backtest result: `strategy` maps names to results."""
    return isinstance(document, Mapping) and isinstance(document.get("strategy"), Mapping)


def is_trade(value: object) -> bool:
    """Return whether this is a trade of freqtrade rather than one of ours."""
    return isinstance(value, Mapping) and is_table(value)


def is_table(header: Collection[str]) -> bool:
    """Return whether a CSV header is one of freqtrade."""
    return "pair" in header and ("open_date" in header or TIMESTAMPS["open_date"] in header)


def read_result(document: Mapping[str, Any], defaults: Defaults, beside: object = None) -> Iterator[Row]:
    """Yield one row per trade of every strategy in a backtest result.

    `beside` is what the file's `.meta.json` holds; the run's own metadata come first.
    """
    for name, result in document["strategy"].items():
        place = f"strategy.{name}"
        if defaults.book in TRADED:
            message = f"this is the result of a backtest and not {defaults.book}; import it with --book {BACKTEST}"
            yield Row.refused(place, Refused(Refusal("book", message)))
            continue
        trades = result.get("trades") if isinstance(result, Mapping) else None
        if not isinstance(trades, list):
            message = "is not a list; export the backtest with --export trades"
            yield Row.refused(place, Refused(Refusal("trades", message)))
            continue
        run = _run(name, result, _described(document.get("metadata"), name), _described(beside, name), defaults)
        for index, trade in enumerate(trades):
            yield read_trade(f"{place}.trades[{index}]", trade, run, defaults)


def listed(defaults: Defaults) -> Run:
    """Return what is known of the run of trades that stand in a list of their own."""
    return Run(exchange=defaults.exchange, is_backtest=defaults.book == BACKTEST)


def read_trades(place: str, trades: Iterable[object], defaults: Defaults) -> Iterator[Row]:
    """Yield one row per trade of a list."""
    for index, trade in enumerate(trades):
        yield read_trade(f"{place}[{index}]", trade, listed(defaults), defaults)


def refuse_table(header: Sequence[str]) -> None:
    """Raise Refused if the header lacks a required column."""
    missing = tuple(missing_columns(header))
    if missing:
        raise Refused(*missing)


def read_table(header: Sequence[str], records: Iterable[Record], defaults: Defaults) -> Iterator[Row]:
    """Yield one row per record of a table; trades are told apart by `trade_id`, or else by all that they say."""
    for record in records:
        try:
            if record.refused is not None:
                raise record.refused
            cells: dict[str, object] = dict(cells_by_name(header, record))
        except Refused as refused:
            yield Row.refused(record.place, refused)
            continue
        cells.pop("orders", None)
        label = cells.get("run")
        run = Run(
            run_id=str(label) if label is not None else None,
            exchange=defaults.exchange,
            is_backtest=label is not None or defaults.book == BACKTEST,
        )
        typed = cells | {name: number(str(cells[name])) for name in _NUMBERS if name in cells}
        yield read_trade(record.place, typed, run, defaults, record.size, _as_at_first(cells))


def _as_at_first(cells: Mapping[str, object]) -> dict[str, object]:
    """Return the cells with the types that the first coding gave them."""
    numbers = {name: number(str(cells[name])) for name in _FIRST_NUMBERS if name in cells}
    words = {name: _FIRST_WORDS.get(str(cells[name]).lower()) for name in ("is_open", "is_short") if name in cells}
    return {**cells, **numbers, **words}


def _described(metadata: object, strategy: str) -> Mapping[str, Any]:
    described = metadata.get(strategy) if isinstance(metadata, Mapping) else None
    return described if isinstance(described, Mapping) else {}


def _run(
    name: str, result: Mapping[str, Any], own: Mapping[str, Any], beside: Mapping[str, Any], defaults: Defaults
) -> Run:
    run_id, label = own.get("run_id"), own.get("run_id") or beside.get("run_id")
    try:
        is_custom = truth(result.get("use_custom_stoploss"))
    except Refused:
        is_custom = None
    return Run(
        strategy=name,
        run_id=run_id,
        timeframe=result.get("timeframe") or beside.get("timeframe"),
        exchange=_text(result.get("exchange")) or _text(beside.get("exchange")) or defaults.exchange,
        label=_text(label),
        stop_is_custom=is_custom,
        is_backtest=True,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
