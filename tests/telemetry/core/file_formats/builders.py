"""Valid files as bytes; every test changes only what it is about."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from telemetry.core.file_formats.detect_format import read_rows
from telemetry.core.file_formats.file_rows import Defaults, Row

OPENED, CLOSED = "2024-05-01T10:00:00Z", "2024-05-02T10:00:00Z"
COLUMNS = {
    "external_id": "t1", "symbol": "BTC/USDT", "opened_at": OPENED, "closed_at": CLOSED, "rr": "1.5",
    "pattern_key": "donchian.long.breakout",
}  # fmt: skip
LOGGED = {
    "trade_id": "a1", "entry_id": "e1", "source": "log_2024", "strategy": "Macd", "pair": "BTC/USDT",
    "is_short": "False", "enter_tag": "dip", "exit_reason": "roi", "open_date": OPENED, "close_date": CLOSED,
    "profit_ratio": "0.05", "initial_stop_loss_ratio": "-0.1",
}  # fmt: skip


def our_trade(external_id: str = "t1", **over: Any) -> dict[str, Any]:
    entry = {"module": "pm", "pattern_key": "donchian.long.breakout", "action_category": "entry", "at": OPENED}
    trade = {"external_id": external_id, "symbol": "BTC/USDT", "opened_at": OPENED, "closed_at": CLOSED, "rr": 1.5}
    return trade | {"actions": [entry]} | over


def freqtrade_trade(**over: Any) -> dict[str, Any]:
    """Return a trade as a backtest exports it."""
    return {
        "pair": "BTC/USDT", "amount": 2.0, "open_date": "2024-05-01 10:00:00+00:00", "open_rate": 100.0,
        "close_date": "2024-05-02 10:00:00+00:00", "close_rate": 105.0, "profit_ratio": 0.05, "exit_reason": "roi",
        "initial_stop_loss_ratio": -0.1, "is_open": False, "is_short": False, "enter_tag": None, "orders": None,
    } | over  # fmt: skip


def order(is_entry: bool, hour: int, amount: float, **over: Any) -> dict[str, Any]:
    """Return a filled order, `hour` hours after the trade of `freqtrade_trade` opened."""
    at = 1_714_557_600_000 + hour * 3_600_000
    return {"ft_is_entry": is_entry, "order_filled_timestamp": at, "amount": amount, "safe_price": 100.0} | over


def result(**strategies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a backtest result of several strategies."""
    return {
        "metadata": {name: {"run_id": f"run of {name}"} for name in strategies},
        "strategy": {name: {"trades": list(trades), "timeframe": "5m"} for name, trades in strategies.items()},
        "strategy_comparison": [],
    }


def json_lines(*payloads: Any) -> bytes:
    return b"".join(json.dumps(payload).encode() + b"\n" for payload in payloads)


def table(*rows: dict[str, str], columns: Iterable[str] | None = None) -> bytes:
    """Return rows as CSV; the cells must not need quotes."""
    header = list(rows[0] if columns is None else columns)
    return "\n".join(",".join(cells) for cells in [header, *([row[name] for name in header] for row in rows)]).encode()


def zipped(**members: Any) -> bytes:
    """Return a zip of JSON files, given by name without ending."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in members.items():
            member = zipfile.ZipInfo(f"{name}.json")  # dated 1980, so that the bytes are always the same
            archive.writestr(member, json.dumps(document), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # so that the bytes are always the same


def rows(content: bytes, name: str = "trades", **defaults: Any) -> list[Row]:
    return list(read_rows(io.BytesIO(content), name, len(content), Defaults(**defaults)))


def payload(content: bytes, name: str = "trades", **defaults: Any) -> dict[str, Any]:
    """Return the payload of a file's only row."""
    (row,) = rows(content, name, **defaults)
    assert isinstance(row.payload, dict), row.refusals
    return row.payload


def given(row: Row) -> dict[str, Any]:
    """Return the payload of a row that was not refused."""
    assert isinstance(row.payload, dict), row.refusals
    return row.payload


def refusal(row: Row) -> tuple[str, str, str]:
    """Return place, field and message of the only refusal of the only refused row."""
    (refused,) = row.refusals
    assert row.payload is None
    return row.place, refused.field, refused.message
