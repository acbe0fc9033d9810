"""A fuzz of exports of freqtrade's trades: what keeps their meaning reads equal, what destroys a needed value is named.

Each export holds three trades, in one of the forms in which people have them. A mutation of the first kind changes a
spelling, a type, an order, an encoding or the packaging, and every trade must have the digest it had. A mutation of the
second kind spoils one value of one trade, and exactly that row must be refused, with the field named; where it spoils
the whole file, the file must be.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import sqlite3
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.core.file_formats.detect_format import read_rows
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.trades import parse_trade
from telemetry.foundation.core.refusal import Refused
from tests.bench.report import figure
from tests.bench.worlds import NOW

EXPORTS = 10_000
TRADES = 3
NAN = float("nan")
TRUE = [True, 1, 1.0, "t", "true", "True", "TRUE", "yes", "1", "1.0"]
FALSE = [False, 0, 0.0, "f", "false", "False", "FALSE", "no", "0", "0.0"]
DATES = [
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f+00:00", "%Y-%m-%d %H:%M:%S +00:00", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S+0000",
]  # fmt: skip
NO_TIME = ["soon", "01/05/2024", "2024-02-31 10:00:00", "10:00", "1714557600000", "2024"]
NO_NUMBER = ["much", "0,05", "5%", "1 000", "--1"]
OTHER_NAMES = {
    "trade_id": "id", "profit_ratio": "close_profit", "initial_stop_loss_ratio": "initial_stop_loss_pct",
    "enter_tag": "buy_tag", "exit_reason": "sell_reason",
}  # fmt: skip
TAGS = ["dip", "bull/up", "13 15", "купить", "a" * 60, "x--0123456789", "", "🚀"]

Trade = dict[str, Any]


@dataclass(frozen=True)
class Export:
    """Trades and the form in which they are written; `orders` only where the form can hold them."""

    form: str
    trades: tuple[Trade, ...]

    def bytes(self, trades: Sequence[Trade] | None = None) -> bytes:
        return FORMS[self.form](list(self.trades if trades is None else trades))


def as_list(trades: Sequence[Trade]) -> bytes:
    return json.dumps(trades).encode()


def as_answer(trades: Sequence[Trade]) -> bytes:
    return json.dumps({"trades": trades, "trades_count": len(trades)}, indent=1).encode()


def as_lines(trades: Sequence[Trade]) -> bytes:
    return b"".join(json.dumps(trade).encode() + b"\n" for trade in trades)


def as_table(trades: Sequence[Trade], separator: str = ",", end: str = "\n", *, quoted: bool = False) -> bytes:
    header = list(dict.fromkeys(name for trade in trades for name in trade if name != "orders"))
    lines = [header, *([_cell(trade.get(name)) for name in header] for trade in trades)]
    return end.join(separator.join(_quoted(cell, quoted) for cell in line) for line in lines).encode()


def as_database(trades: Sequence[Trade]) -> bytes:
    columns = list(dict.fromkeys(name for trade in trades for name in trade if name != "orders"))
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE trades ({', '.join(columns)})")
        marks = ", ".join("?" for _ in columns)
        rows = [[trade.get(name) for name in columns] for trade in trades]
        database.executemany(f"INSERT INTO trades VALUES ({marks})", rows)
        database.commit()
        return database.serialize()


FORMS: Mapping[str, Callable[[Sequence[Trade]], bytes]] = {
    "list": as_list, "answer": as_answer, "lines": as_lines, "table": as_table, "database": as_database,
}  # fmt: skip


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _quoted(cell: str, always: bool) -> str:
    needs = always or any(each in cell for each in ',"\n')
    return '"' + cell.replace('"', '""') + '"' if needs else cell


def made(chance: random.Random, form: str) -> Export:
    """Return an export of three trades; forms of JSON have orders."""
    return Export(form, tuple(_trade(chance, number_of, form) for number_of in range(TRADES)))


def _trade(chance: random.Random, number_of: int, form: str) -> Trade:
    opened = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(minutes=5 * chance.randrange(10_000), seconds=number_of)
    closed = opened + timedelta(minutes=5 * chance.randrange(1, 500))
    trade: Trade = {
        "trade_id": number_of + 1, "pair": chance.choice(["BTC/USDT", "ETH/USDT:USDT"]), "strategy": "Macd",
        "exchange": "binance", "is_open": False, "is_short": chance.random() < 0.5,
        "open_date": opened.strftime(DATES[0]), "close_date": closed.strftime(DATES[0]), "open_rate": 100.0,
        "close_rate": 101.0, "amount": 2.0, "leverage": 1.0, "profit_ratio": round(chance.uniform(-0.2, 0.2), 4),
        "initial_stop_loss_ratio": chance.choice([-0.1, -0.05, -0.99]), "enter_tag": chance.choice(TAGS),
        "exit_reason": chance.choice(["roi", "stop_loss", "exit_signal"]), "timeframe": 5, "min_rate": 99.0,
        "max_rate": 102.0, "fee_open": 0.001, "fee_close": 0.001,
    }  # fmt: skip
    if form in ("list", "answer", "lines") and chance.random() < 0.5:
        trade["orders"] = [
            _order(opened, "buy", 2.0, 1.0, trade), _order(opened + timedelta(minutes=2), "buy", 1.0, 1.0, trade),
            _order(closed, "sell", 2.0, 2.0, trade),
        ]  # fmt: skip
    return trade


def _moment(text: str) -> datetime:
    return datetime.strptime(text, DATES[0]).replace(tzinfo=UTC)


def _order(at: datetime, side: str, amount: float, filled: float, trade: Trade) -> dict[str, Any]:
    return {
        "amount": amount, "filled": filled, "safe_price": 100.0, "ft_is_entry": side == "buy",
        "order_filled_timestamp": int(at.timestamp() * 1000), "ft_order_tag": trade["enter_tag"] or None,
    }  # fmt: skip


# --- mutations that keep the meaning: (export, chance) -> bytes, or None where the form has no such spelling ----------


def truth(export: Export, chance: random.Random) -> bytes:
    return export.bytes([
        trade | {name: chance.choice(TRUE if trade[name] else FALSE) for name in ("is_open", "is_short")}
        for trade in export.trades
    ])  # fmt: skip


def dates(export: Export, chance: random.Random) -> bytes:
    def spelled(text: str) -> str:
        return _moment(text).strftime(chance.choice(DATES))

    return export.bytes([
        trade | {name: spelled(trade[name]) for name in ("open_date", "close_date")} for trade in export.trades
    ])  # fmt: skip


def timestamps(export: Export, chance: random.Random) -> bytes:
    def stamped(trade: Trade) -> Trade:
        found = {name: value for name, value in trade.items() if name not in ("open_date", "close_date")}
        for name in ("open", "close"):
            at = _moment(trade[f"{name}_date"]).timestamp()
            found[f"{name}_timestamp"] = chance.choice([int(at * 1000), at * 1000, int(at)])
        return found

    return export.bytes([stamped(trade) for trade in export.trades])


def types(export: Export, chance: random.Random) -> bytes:
    def typed(trade: Trade) -> Trade:
        whole = {name: chance.choice([int, float])(trade[name]) for name in ("leverage", "open_rate", "timeframe")}
        own = chance.choice([trade["trade_id"], str(trade["trade_id"]), float(trade["trade_id"])])
        return trade | whole | {"trade_id": own}

    return export.bytes([typed(trade) for trade in export.trades])


def order_of_keys(export: Export, chance: random.Random) -> bytes:
    names = list(export.trades[0])
    chance.shuffle(names)
    return export.bytes([
        {name: trade[name] for name in [*names, *(each for each in trade if each not in names)] if name in trade}
        for trade in export.trades
    ])  # fmt: skip


def order_of_trades(export: Export, chance: random.Random) -> bytes:
    return export.bytes(chance.sample(export.trades, TRADES))


def other_names(export: Export, chance: random.Random) -> bytes:
    chosen = {name for name in OTHER_NAMES if chance.random() < 0.6}
    return export.bytes([
        {OTHER_NAMES[name] if name in chosen else name: value for name, value in trade.items()}
        for trade in export.trades
    ])  # fmt: skip


def more_fields(export: Export, chance: random.Random) -> bytes:
    more = {"funding_fees": 0.1, "note": "a, b", "liquidation_price": None, "stake_currency": "USDT"}
    return export.bytes([trade | dict(chance.sample(list(more.items()), 2)) for trade in export.trades])


def unneeded_nan(export: Export, chance: random.Random) -> bytes:
    spoilt = chance.choice([NAN, float("inf"), None])
    return export.bytes([trade | {"min_rate": spoilt, "max_rate": spoilt, "amount": spoilt} for trade in export.trades])


def nothing(export: Export, chance: random.Random) -> bytes:
    """Spell what is missing as other tools do."""
    words = ["", "NaN", "None", None]
    return export.bytes([
        trade | {"timeframe_detail": chance.choice(words), "enter_tag": trade["enter_tag"] or chance.choice(words)}
        for trade in export.trades
    ])  # fmt: skip


def blanks(export: Export, chance: random.Random) -> bytes:
    return export.bytes([
        trade | {name: f" {trade[name]} " for name in ("pair", "strategy", "enter_tag")} for trade in export.trades
    ])  # fmt: skip


def byte_order_mark(export: Export, chance: random.Random) -> bytes | None:
    return None if export.form == "database" else b"\xef\xbb\xbf" + export.bytes()


def line_ends(export: Export, chance: random.Random) -> bytes | None:
    if export.form == "database":
        return None
    return export.bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n"


def layout(export: Export, chance: random.Random) -> bytes | None:
    if export.form == "table":
        return as_table(export.trades, quoted=True)
    return json.dumps(list(export.trades), indent=chance.choice([1, 4]), ensure_ascii=False).encode()


def packed(export: Export, chance: random.Random) -> bytes:
    return gzip.compress(export.bytes(), chance.choice([1, 9]), mtime=0)


def zipped(export: Export, chance: random.Random) -> bytes | None:
    if export.form not in ("list", "answer"):
        return None
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bt_config.json", '{"stake_amount": 10}')
        archive.writestr("bt.json", as_list(export.trades))
    return content.getvalue()


def form(export: Export, chance: random.Random) -> bytes | None:
    if any("orders" in trade for trade in export.trades):
        return FORMS[chance.choice(["list", "answer", "lines"])](export.trades)
    return FORMS[chance.choice(list(FORMS))](export.trades)


KEEPING = (
    truth, dates, timestamps, types, order_of_keys, order_of_trades, other_names, more_fields, unneeded_nan, nothing,
    blanks, byte_order_mark, line_ends, layout, packed, zipped, form,
)  # fmt: skip

# --- mutations that destroy a needed value ---------------------------------------------------------------------------

DESTROYED: Mapping[str, tuple[Sequence[object], str]] = {
    "pair": ([None, "", "x" * 61, "A\0B"], "pair"),
    "strategy": ([None, "", NAN], "strategy"),
    "open_date": ([None, "NaT", NAN, *NO_TIME, 5, "2999-01-01 00:00:00"], "open_date"),
    "close_date": ([None, "NaT", NAN, *NO_TIME, "2024-01-01 00:00:00", "2030-01-01 00:00:00"], "close_date"),
    "profit_ratio": ([None, "", "NaN", NAN, float("inf"), *NO_NUMBER, 1e12], "profit_ratio"),
    "initial_stop_loss_ratio": ([None, "", "NaN", NAN, 0, 0.0, float("-inf"), *NO_NUMBER], "initial_stop_loss_ratio"),
    "is_short": (["maybe", 2, -1, "short", 0.5], "is_short"),
    "is_open": (["perhaps", 2, "closed"], "is_open"),
    "leverage": ([0, -1, "ten"], "leverage"),
}
OPEN = "an open trade"
ORDER = "the amount of an order"
SHORT = "a record cut short"
COLUMN = "a column that is missing"
UTF16 = "UTF-16"
CUT = "a file cut off"


def destroyed(export: Export, chance: random.Random, kind: str) -> tuple[bytes, int, str] | None:
    """Return the spoilt export, the number of the spoilt trade (-1: the file), and the field to be named."""
    index = chance.randrange(TRADES)
    trade = dict(export.trades[index])
    if kind in DESTROYED:
        values, field = DESTROYED[kind]
        trade[kind] = value = chance.choice(values)
        if export.form == "table" and isinstance(value, str) and "\0" in value:
            return None  # no spreadsheet writes one, and the reader of CSV refuses the line by itself
    elif kind == OPEN:
        trade["is_open"], field = chance.choice(TRUE), "close_date"
    elif kind == ORDER:
        if "orders" not in trade:
            return None
        trade["orders"] = [dict(order) for order in trade["orders"]]
        trade["orders"][1]["filled"], field = chance.choice([NAN, "x", float("inf")]), "orders[1].filled"
    else:
        return _spoilt_file(export, chance, kind)
    trades = [*export.trades[:index], trade, *export.trades[index + 1 :]]
    return export.bytes(trades), index, field


def _spoilt_file(export: Export, chance: random.Random, kind: str) -> tuple[bytes, int, str] | None:
    if kind == COLUMN and export.form in ("table", "database"):
        field = chance.choice(["strategy", "close_date", "profit_ratio", "initial_stop_loss_ratio"])
        kept = [{name: value for name, value in trade.items() if name != field} for trade in export.trades]
        return export.bytes(kept), -1, field
    if kind == UTF16 and export.form in ("list", "answer", "table"):
        return export.bytes().decode().encode("utf-16"), -1, ""
    if kind == CUT and export.form in ("list", "answer"):
        return export.bytes()[: -chance.randrange(3, 200)], -1, ""
    if kind == SHORT and export.form == "table":
        lines, index = export.bytes().split(b"\n"), chance.randrange(TRADES)
        lines[1 + index] = lines[1 + index].rpartition(b",")[0]
        return b"\n".join(lines), index, ""
    return None


DESTROYING = (*DESTROYED, OPEN, ORDER, SHORT, COLUMN, UTF16, CUT)

# --- reading ---------------------------------------------------------------------------------------------------------


def read(content: bytes) -> list[Row]:
    return list(read_rows(io.BytesIO(content), "export", len(content), Defaults(book="live")))


def outcome(row: Row) -> bytes | tuple[str, ...]:
    """Return the digest of a row's trade, or the fields in which it is refused."""
    try:
        if row.refusals:
            raise Refused(*row.refusals)
        return parse_trade(row.payload, now=NOW).digest
    except Refused as refused:
        return tuple(each.field for each in (row.refusals or row.in_its_words(refused)))


def failure(export: Export, kind: str, chance: random.Random) -> str | None:
    """Return what went wrong with one mutation; None if nothing did, empty if the form has no such mutation."""
    before = [outcome(row) for row in read(export.bytes())]
    if any(isinstance(each, tuple) for each in before):
        return f"the export itself is refused: {before}"
    keeping = {mutate.__name__: mutate for mutate in KEEPING}
    if kind in keeping:
        content = keeping[kind](export, chance)
        if content is None:
            return ""
        after = [outcome(row) for row in read(content)]
        return None if sorted(map(repr, after)) == sorted(map(repr, before)) else f"{before} became {after}"
    spoilt = destroyed(export, chance, kind)
    if spoilt is None:
        return ""
    content, index, field = spoilt
    after = [outcome(row) for row in read(content)]
    expected = [*before[:index], None, *before[index + 1 :]] if index >= 0 else [None]
    fits = len(after) == len(expected) and all(
        found == wanted if wanted is not None else isinstance(found, tuple) and field in found
        for found, wanted in zip(after, expected, strict=True)
    )
    return None if fits else f"{field or 'the file'} of trade {index}: {after}"


def run(exports: int = EXPORTS, seed: int = 13) -> None:
    chance = random.Random(seed)
    kinds = [*(mutate.__name__ for mutate in KEEPING), *DESTROYING]
    tried: Counter[str] = Counter()
    failed: dict[str, list[str]] = {}
    while sum(tried.values()) < exports:
        kind, export = chance.choice(kinds), made(chance, chance.choice(list(FORMS)))
        found = failure(export, kind, chance)
        if found == "":
            continue
        tried[kind] += 1
        if found is not None:
            failed.setdefault(kind, []).append(f"{export.form}: {found}")
    for kind in kinds:
        wrong = failed.get(kind, [])
        keeps = kind in {mutate.__name__ for mutate in KEEPING}
        figure(
            "mutated_exports", kind, len(wrong), "failures", tried=tried[kind], keeps_meaning=keeps, bar=0,
            first=[each[:300] for each in wrong[:2]],
        )  # fmt: skip
    figure("mutated_exports", "all", sum(map(len, failed.values())), "failures", tried=sum(tried.values()), bar=0)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
