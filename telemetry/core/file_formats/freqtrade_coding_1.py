"""The first coding of freqtrade's trades, kept as it was: the payloads of trades that were recorded under it.

A file that is imported again shows by these payloads that its trades are recorded already. Nothing else uses them, and
nothing here changes any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from telemetry.foundation.core.canonical_json import fact_json, utc_text
from telemetry.foundation.core.fields import finite, parse_moment
from telemetry.foundation.core.refusal import Refused

LONGEST_PART = 40
_OTHER = re.compile("[^A-Za-z0-9_-]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_MS = 4_102_444_800_000
_DAY, _HOUR = 24 * 60, 60


def first_payload(
    trade: Mapping[str, object],
    strategy: str | None,
    run_id: str | None,
    timeframe: str | None,
    *,
    book: str,
    source: str | None,
    family: str | None,
) -> dict[str, object] | None:
    """Return the payload that the first coding made of a closed trade, or None where it refused the trade."""
    try:
        return _payload(trade, strategy, run_id, timeframe, book, source, family)
    except (Refused, ValueError, TypeError, KeyError, RecursionError, ZeroDivisionError, OverflowError):
        return None


def _payload(
    trade: Mapping[str, object],
    strategy: str | None,
    run_id: str | None,
    timeframe: str | None,
    book: str,
    source: str | None,
    family: str | None,
) -> dict[str, object]:
    named, pair = str(trade.get("strategy") or strategy or _missing()).strip(), str(trade["pair"]).strip()
    opened_at, closed_at = _moment(trade["open_date"]), _moment(trade["close_date"])
    side = "short" if trade.get("is_short") is True else "long"
    frame = _timeframe(trade.get("timeframe") or timeframe)
    key = ".".join((_part(family or named), side, _part(trade.get("enter_tag"), "entry")))
    action = {"module": "pm", "pattern_key": key, "scope": {"timeframe": frame} if frame else {}}
    return {
        "external_id": _external_id(trade, run_id, named, pair, opened_at),
        "book": book,
        "source": source or trade.get("source") or "freqtrade",
        "symbol": pair,
        "side": side,
        "timeframe": frame,
        "cluster_id": trade.get("entry_id"),
        "opened_at": opened_at,
        "closed_at": closed_at,
        "rr": finite(trade["profit_ratio"]) / abs(finite(trade["initial_stop_loss_ratio"])),
        "actions": [{**action, **each} for each in _actions(trade, opened_at, closed_at)],
    }


def _missing() -> str:
    raise Refused.because("missing")


def _part(value: object, otherwise: str = "") -> str:
    name = str(value).strip() if value is not None else ""
    if len(name) <= LONGEST_PART:
        return _OTHER.sub("_", name) or otherwise
    fingerprint = sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{_OTHER.sub('_', name[: LONGEST_PART - 9])}_{fingerprint}"


def _timeframe(value: object) -> object:
    text = str(int(value)) if isinstance(value, (int, float)) and 0 < value < 1e9 else value
    if not isinstance(text, str) or not re.fullmatch("[0-9]{1,9}", text):
        return text
    minutes = int(text)
    if minutes % _HOUR:
        return f"{minutes}m"
    return f"{minutes // _HOUR}h" if minutes % _DAY else f"{minutes // _DAY}d"


def _moment(value: object) -> str:
    if isinstance(value, str):
        at = datetime.fromisoformat(value)
        value = at.replace(tzinfo=UTC) if at.utcoffset() is None else at
    return utc_text(parse_moment(value))


def _external_id(trade: Mapping[str, object], run_id: str | None, strategy: str, pair: str, opened_at: str) -> str:
    own = trade.get("trade_id")
    fields = ("is_short", "enter_tag", "close_date", "open_rate", "amount")
    identity = [own] if own is not None else [run_id, *(trade.get(name) for name in fields)]
    digest = sha256(fact_json([strategy, pair, opened_at, *identity]).encode()).hexdigest()[:16]
    return f"freqtrade:{strategy[:60].strip()}:{pair[:60].strip()}:{opened_at}:{digest}"


def _actions(trade: Mapping[str, object], opened_at: str, closed_at: str) -> list[dict[str, object]]:
    entry: dict[str, object] = {"action_category": "entry", "at": opened_at}
    reason = trade.get("exit_reason") or trade.get("sell_reason")
    controls = {"exit_reason": reason} if reason else {}
    close: dict[str, object] = {"action_category": "exit", "at": closed_at, "controls": controls}
    orders = _orders(trade)
    first_entry = next((order for order in orders if order[0]), None)
    last_exit = next((order for order in reversed(orders) if not order[0]), None)
    if first_entry is not None and first_entry[2] < 1:
        entry["fraction"] = first_entry[2]
    moves: list[dict[str, object]] = [
        {"action_category": "add" if order[0] else "trim", "at": order[1], "fraction": order[2]}
        for order in orders
        if order is not first_entry and order is not last_exit
    ]
    return [entry, *moves, close]


def _orders(trade: Mapping[str, object]) -> list[tuple[bool, str, float]]:
    """Return whether each filled order entered, its time, and its amount as asked over the total asked by entries."""
    orders = trade.get("orders") or ()
    if not isinstance(orders, Sequence):
        raise Refused.because("is not a list of orders")
    filled = [
        (order["ft_is_entry"], order["order_filled_timestamp"], finite(order["amount"]))
        for order in orders
        if order.get("order_filled_timestamp") is not None and isinstance(order.get("ft_is_entry"), bool)
    ]
    entered = sum(amount for is_entry, _, amount in filled if is_entry)
    if not entered > 0:
        return []
    return [
        (is_entry, utc_text(_EPOCH + timedelta(milliseconds=at)), amount / entered)
        for is_entry, at, amount in filled
        if 0 <= at < _END_MS
    ]
