"""Flat CSV: one row per trade, with its entry and optionally one trim and the exit. Longer trades need JSON lines.

| columns | meaning |
|---|---|
| external_id, symbol, opened_at, closed_at, rr | required |
| revision, correction_reason, book, source, side, timeframe | optional, of the trade |
| cluster_id, entry_id, excluded_reason | optional, of the trade |
| pattern_key | required, of the entry, the trim and the exit |
| module, action_category, at | optional, of the entry; default: pm, entry (dm: allocation), opened_at |
| scope.<dimension>, decision_ids (separated by spaces), fraction, leg_rr, known_at | optional, of the entry |
| applied.<lever> | optional, of the entry: the value that was used where it was not the one served |
| trim.at, .fraction, .rr_after, .known_at, .decision_ids, .scope.<…>, .applied.<…> | a trim, if any is filled |
| exit.at, .rr_after, .known_at, .decision_ids, .scope.<…>, .applied.<…> | the exit, if any is filled; at: closed_at |
| actions | replaces all columns of actions: their JSON list, as `export trades --format csv` writes it |

Trim and exit inherit the entry's scope, overridden by their own dimensions. An empty cell means no value. In a scope,
True and 1.0 mean what JSON's true and 1.0 mean. An apostrophe
before text that looks like a formula (`'=x`) keeps spreadsheets from computing it; it is not part of the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from telemetry.core.file_formats.csv_records import Record, cells_by_name, number
from telemetry.core.file_formats.file_rows import Defaults, Names, Row, with_defaults
from telemetry.core.file_formats.strict_json import parse_json
from telemetry.core.scopes import typed_value
from telemetry.foundation.core.csv_cells import unguarded
from telemetry.foundation.core.refusal import Refusal, Refused

TRADE = (
    "external_id", "revision", "correction_reason", "book", "source", "symbol", "side", "timeframe", "cluster_id",
    "entry_id", "opened_at", "closed_at", "rr", "excluded_reason",
)  # fmt: skip
REQUIRED = ("external_id", "symbol", "opened_at", "closed_at", "rr")
ENTRY = ("module", "pattern_key", "action_category", "at", "decision_ids", "fraction", "leg_rr", "known_at")
SALE = ("at", "decision_ids", "fraction", "rr_after", "known_at")
SALES = ("trim", "exit")
NUMBERS = ("revision", "rr", "fraction", "leg_rr", "rr_after")
NESTED = ("scope.", "applied.")  # columns with a name of their own after the dot
KNOWN = (
    *TRADE, *ENTRY, "scope.<dimension>", "applied.<lever>",
    *(f"{sale}.{each}" for sale in SALES for each in (*SALE, "scope.…", "applied.…")),
)  # fmt: skip


def refuse_header(header: Sequence[str]) -> None:
    """Raise Refused if columns of the header are missing, unknown or contradictory."""
    missing = [name for name in REQUIRED if name not in header]
    refusals = [Refusal(name, "the header lacks this column; it is required") for name in missing]
    if "actions" in header:
        flat = [name for name in header if name not in (*TRADE, "actions")]
        refusals += [Refusal(name, "stands beside actions, which replaces it; leave it out") for name in flat]
    else:
        if "pattern_key" not in header:
            refusals.append(Refusal("pattern_key", "the header lacks this column; name it, or give the column actions"))
        unknown = [name for name in header if not _is_known(name)]
        refusals += [Refusal(name, f"unknown column; known are {', '.join(KNOWN)}") for name in unknown]
    if refusals:
        raise Refused(*refusals)


def _is_known(name: str) -> bool:
    sale, _, rest = name.partition(".")
    if sale in SALES and rest:
        return rest in SALE or rest.startswith(NESTED)
    return name in TRADE or name in ENTRY or name.startswith(NESTED)


def read_flat(header: Sequence[str], records: Iterator[Record], defaults: Defaults) -> Iterator[Row]:
    """Yield one row per record, below a header that `refuse_header` accepted."""
    for record in records:
        try:
            if record.refused is not None:
                raise record.refused
            payload, names = trade_of(cells_by_name(header, record))
            yield Row(record.place, with_defaults(payload, defaults), names=names, size=record.size)
        except Refused as refused:
            yield Row.refused(record.place, refused)


def trade_of(cells: Mapping[str, str]) -> tuple[dict[str, object], Names]:
    """Return the payload of a row, and the file's own names for its paths. Raises Refused."""
    payload: dict[str, object] = {name: _value(name, cells[name]) for name in TRADE if name in cells}
    if "actions" in cells:
        return payload | {"actions": _actions(cells["actions"])}, ()
    entry: dict[str, object] = {"module": "pm", "at": cells.get("opened_at")}
    entry |= {name: _value(name, cells[name]) for name in ENTRY if name in cells}
    entry.setdefault("action_category", "allocation" if entry["module"] == "dm" else "entry")
    entry |= {"scope": _scope(cells, "scope."), **_applied(cells)}
    actions, names = [entry], [("actions[0]", "")]
    for sale in SALES:
        own = {name.removeprefix(f"{sale}."): cell for name, cell in cells.items() if name.startswith(f"{sale}.")}
        if own:
            names.append((f"actions[{len(actions)}]", sale))
            actions.append(_sale(sale, own, entry, cells))
    return payload | {"actions": actions}, tuple(names)


def _sale(
    sale: str, own: Mapping[str, str], entry: Mapping[str, object], cells: Mapping[str, str]
) -> dict[str, object]:
    action: dict[str, object] = {"module": "pm", "pattern_key": entry.get("pattern_key"), "action_category": sale}
    if sale == "exit":
        action["at"] = cells.get("closed_at")
    action |= {name: _value(name, own[name]) for name in SALE if name in own}
    return action | {"scope": _scope(cells, "scope.") | _scope(own, "scope."), **_applied(own)}


def _scope(cells: Mapping[str, str], prefix: str) -> dict[str, object]:
    return {
        name.removeprefix(prefix): typed_value(unguarded(cell))
        for name, cell in cells.items()
        if name.startswith(prefix)
    }


def _applied(cells: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the levers that were applied, if any cell says so."""
    used: dict[str, object] = {
        name.removeprefix("applied."): number(cell) for name, cell in cells.items() if name.startswith("applied.")
    }
    return {"applied": used} if used else {}


def _value(name: str, cell: str) -> object:
    if name == "decision_ids":
        return cell.split()
    return number(cell) if name in NUMBERS else unguarded(cell)


def _actions(cell: str) -> object:
    try:
        return parse_json(cell)
    except Refused as refused:
        raise refused.under("actions") from None
