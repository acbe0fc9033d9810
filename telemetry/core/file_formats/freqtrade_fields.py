"""Readers of freqtrade's values, under freqtrade's own field names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from telemetry.core.file_formats.freqtrade_names import TIMESTAMPS
from telemetry.core.file_formats.spellings import is_nothing, moment, timestamp, truth
from telemetry.foundation.core.fields import finite, named, storable
from telemetry.foundation.core.refusal import Refusal, Refused, shown

SIDES = ("side", "trade_direction", "direction")  # columns that state a side in words
_DAY, _HOUR = 24 * 60, 60
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_WORD = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_MONDAY = datetime(2000, 1, 3, tzinfo=UTC)  # weekly bars begin on Mondays


def timeframe_word(value: object) -> object:
    """Return a timeframe in freqtrade's notation; its database stores minutes, other values are returned as they are.

    >>> timeframe_word("5m"), timeframe_word(15), timeframe_word("240"), timeframe_word("5.0"), timeframe_word(None)
    ('5m', '15m', '4h', '5m', None)
    """
    if is_nothing(value):
        return None
    text = str(int(value)) if isinstance(value, (int, float)) and 0 < value < 1e9 else value
    found = re.fullmatch(r"([0-9]{1,9})(?:\.0)?", text) if isinstance(text, str) else None
    if found is None:
        return text
    minutes = int(found[1])
    if minutes % _HOUR:
        return f"{minutes}m"
    return f"{minutes // _HOUR}h" if minutes % _DAY else f"{minutes // _DAY}d"


def entry_bar(opened_at: datetime, timeframe: object) -> datetime:
    """Return the opening time of the bar in which a trade was opened; the time itself if the timeframe is unknown.

    >>> entry_bar(datetime(2024, 5, 1, 10, 7, 31, tzinfo=UTC), "5m").isoformat()
    '2024-05-01T10:05:00+00:00'
    """
    found = _WORD.fullmatch(timeframe) if isinstance(timeframe, str) else None
    if found is None:
        return opened_at
    bar = timedelta(minutes=int(found[1]) * _MINUTES[found[2]])
    return opened_at - (opened_at - _MONDAY) % bar


def moment_in(values: Mapping[str, object], name: str) -> datetime:
    """Return a time in UTC, from its date or else from its timestamp. Raises Refused."""
    if is_nothing(values.get(name)) and not is_nothing(values.get(TIMESTAMPS[name])):
        return timestamp_in(values, TIMESTAMPS[name])
    return named(moment, values.get(name), name)


def timestamp_in(values: Mapping[str, object], name: str) -> datetime:
    """Return a time given in milliseconds or seconds since 1970. Raises Refused."""
    return named(timestamp, values.get(name), name)


def truth_in(values: Mapping[str, object], name: str) -> bool:
    """Return a truth value in any spelling, false if there is none. Raises Refused."""
    value = values.get(name)
    return False if is_nothing(value) else named(truth, value, name)


def side_is_short(values: Mapping[str, object]) -> bool:
    """Return whether a trade is short: by `is_short`, a column with its side, or the side of its first entry.

    A trade that states none of them is long, as all trades were before `is_short` existed. Raises Refused for a side
    that is neither long nor short, and for two that differ.
    """
    stated = {} if is_nothing(values.get("is_short")) else {"is_short": truth_in(values, "is_short")}
    for name in SIDES:
        if not is_nothing(values.get(name)):
            stated[name] = _is_short_word(name, values[name])
    if len(set(stated.values())) > 1:
        first, other, *_ = stated
        raise Refused(Refusal(other, f"and {first} state different sides; correct one of them"))
    return next(iter(stated.values())) if stated else _is_entered_by_sale(values.get("orders"))


def _is_short_word(name: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word not in ("long", "short"):
        raise Refused(Refusal(name, f"{shown(value)} is neither long nor short; write one of them"))
    return word == "short"


def _is_entered_by_sale(orders: object) -> bool:
    entries = (
        order
        for order in (orders if isinstance(orders, (list, tuple)) else ())
        if isinstance(order, Mapping) and order.get("ft_is_entry") in (True, 1)
    )
    return next((order.get("ft_order_side") == "sell" for order in entries), False)


def number_in(values: Mapping[str, object], name: str) -> float:
    """Return a required finite number. Raises Refused."""
    if values.get(name) is None:
        raise Refused(
            Refusal(name, "missing; export the trades with it, or send them as JSON lines with an rr of yours")
        )
    return named(finite, values[name], name)


def optional_number(values: Mapping[str, object], name: str) -> float | None:
    """Return a number that nothing depends on; None if it is missing, not finite or no number."""
    try:
        return finite(values.get(name))
    except Refused:
        return None


def text_in(values: Mapping[str, object], name: str, otherwise: str | None = None) -> str:
    """Return a required text, stripped; `otherwise` if it is missing or empty. Raises Refused."""
    value = values.get(name) or otherwise
    if value is None:
        raise Refused(Refusal(name, "missing; this field is required"))
    return named(storable, value, name).strip()
