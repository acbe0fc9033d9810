"""freqtrade's own database, sqlite: closed trades with their orders and the decisions that its bot stored beside them.

It is opened for reading only. Trades whose orders never reached an exchange are of the book dry. A bot keeps the ids of
the decisions that it followed in a trade's custom data, under `counterweight_decision_ids`: a list of ids for the
entry, or an object of action categories with a list each, such as {"entry": [...], "add": [[...], [...]]}; a list of
lists names those of the first, second, ... action of the category. Lever values that were used in place of those served
stand under `counterweight_applied`: {decision id: {lever: value}}.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from telemetry.core.file_formats.compression import LARGEST_DOCUMENT
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.freqtrade_facts import Run
from telemetry.core.file_formats.freqtrade_names import missing_columns
from telemetry.core.file_formats.freqtrade_orders import is_dry_run
from telemetry.core.file_formats.freqtrade_trade import read_trade
from telemetry.core.file_formats.strict_json import parse_json
from telemetry.foundation.core.fields import named
from telemetry.foundation.core.objects import mapping
from telemetry.foundation.core.refusal import Refusal, Refused

MAGIC = b"SQLite format 3\0"
DECISIONS, APPLIED = "counterweight_decision_ids", "counterweight_applied"
BOOK, DRY = "live", "dry"
_READ_VERSIONS, _ROLLBACK_JOURNAL = slice(18, 20), b"\x01\x01"  # bytes of the header that ask for a write-ahead log


def read_database(stream: IO[bytes], path: Path | None, defaults: Defaults) -> Iterator[Row]:
    """Yield one row per trade of the database at `path`, or in `stream` if it is not a plain file. Raises Refused."""
    try:
        with closing(_copied(stream) if path is None else _opened(path)) as database:
            database.row_factory = sqlite3.Row
            columns = _columns(database, "trades")
            if not columns:
                raise Refused.because("the database has no table trades; give the one that freqtrade writes")
            if missing := tuple(missing_columns(columns)):
                raise Refused(*(Refusal(each.field, f"the table trades has no such column ({each.message})")
                                for each in missing))  # fmt: skip
            yield from _rows(database, columns, defaults)
    except sqlite3.Error as error:
        message = f"the database cannot be read ({error}); copy it while the bot is stopped and import the copy"
        raise Refused.because(message) from None


def _opened(path: Path) -> sqlite3.Connection:
    """Open a file read only; as one that nobody writes if its folder does not allow the files of a log beside it."""
    name = f"file:{quote(str(path.resolve()))}?mode=ro"
    database = sqlite3.connect(name, uri=True, check_same_thread=False)
    try:
        database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        database.close()
        return sqlite3.connect(f"{name}&immutable=1", uri=True, check_same_thread=False)
    return database


def _copied(stream: IO[bytes]) -> sqlite3.Connection:
    content = bytearray(stream.read(LARGEST_DOCUMENT + 1))
    if len(content) > LARGEST_DOCUMENT:
        raise Refused.because(f"the database has more than {LARGEST_DOCUMENT} bytes; unpack it and import that")
    content[_READ_VERSIONS] = _ROLLBACK_JOURNAL
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.deserialize(bytes(content))
    return database


def _rows(database: sqlite3.Connection, columns: Sequence[str], defaults: Defaults) -> Iterator[Row]:
    run = Run(exchange=defaults.exchange)
    has_orders = "ft_trade_id" in _columns(database, "orders")
    has_decisions = "cd_key" in _columns(database, "trade_custom_data")
    key = "id" if "id" in columns else "rowid"
    for record in database.execute(f"SELECT * FROM trades ORDER BY {key}"):  # a name of the two above
        trade: dict[str, object] = dict(record)
        own = trade.get("id")
        place = f"trades[{own}]"
        if has_orders:
            found = database.execute("SELECT * FROM orders WHERE ft_trade_id = ? ORDER BY id", [own])
            trade["orders"] = [dict(order) for order in found]
        row = read_trade(
            place, trade, run, replace(defaults, book=defaults.book or (DRY if is_dry_run(trade) else BOOK))
        )
        if has_decisions:
            row = _with_decisions(row, database, own)
        yield row


def _with_decisions(row: Row, database: sqlite3.Connection, trade: object) -> Row:
    statement = "SELECT cd_key, cd_value FROM trade_custom_data WHERE ft_trade_id = ? AND cd_key IN (?, ?)"
    found = {str(key): str(value) for key, value in database.execute(statement, [trade, DECISIONS, APPLIED])}
    payload = row.payload
    if DECISIONS not in found or not isinstance(payload, dict):
        return row
    try:
        actions = named(lambda text: _naming(payload["actions"], parse_json(text)), found[DECISIONS], DECISIONS)
        if APPLIED in found:
            actions = named(lambda text: _applying(actions, mapping(parse_json(text))), found[APPLIED], APPLIED)
    except Refused as refused:
        return Row.refused(row.place, refused)
    return replace(row, payload={**payload, "actions": actions})


def _naming(actions: Sequence[Mapping[str, Any]], decisions: object) -> list[dict[str, Any]]:
    """Return the actions with the decisions that they name. Raises Refused for what is no list or object of lists."""
    by_category = {"entry": decisions} if isinstance(decisions, list) else decisions
    if not isinstance(by_category, dict):
        raise Refused.because("is neither a list of decision ids nor an object of lists by action category")
    waiting = {category: _by_action(category, ids) for category, ids in by_category.items()}
    naming = []
    for action in actions:
        ids = waiting.get(action["action_category"])
        naming.append({**action, "decision_ids": ids.pop(0)} if ids else dict(action))
    if left := sorted(category for category, ids in waiting.items() if any(ids)):
        raise Refused.because(f"names decisions of actions that the trade does not have: {', '.join(left)[:100]}")
    return naming


def _applying(actions: Sequence[dict[str, Any]], applied: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return the actions with what was applied of the last decision that they name."""
    used = []
    for action in actions:
        keys = [key for key in action.get("decision_ids", ()) if isinstance(key, str) and key in applied]
        used.append(applied[keys[-1]] if keys else None)
    return [each if value is None else {**each, "applied": value} for each, value in zip(actions, used, strict=True)]


def _by_action(category: str, ids: object) -> list[object]:
    if not isinstance(ids, list):
        raise Refused(Refusal(category, "is not a list of decision ids"))
    return ids if ids and all(isinstance(each, list) for each in ids) else [ids]


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in database.execute("SELECT * FROM pragma_table_info(?)", [table])]
