"""The names under which freqtrade's files, its API and its database give one field, old names included."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from telemetry.core.file_formats.spellings import is_nothing
from telemetry.foundation.core.refusal import Refusal, Refused

IN_THE_DATABASE: Mapping[str, str] = MappingProxyType(
    {"trade_id": "id", "profit_ratio": "close_profit", "initial_stop_loss_ratio": "initial_stop_loss_pct"}
)
OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {**IN_THE_DATABASE, "enter_tag": "buy_tag", "exit_reason": "sell_reason", "timeframe": "ticker_interval"}
)
TIMESTAMPS: Mapping[str, str] = MappingProxyType({"open_date": "open_timestamp", "close_date": "close_timestamp"})
REQUIRED = ("pair", "strategy", "open_date", "close_date", "profit_ratio", "initial_stop_loss_ratio")
_PERCENT = "initial_stop_loss_pct"


def is_named(name: str, among: Collection[str]) -> bool:
    """Return whether a field is there, under its own name or another one."""
    return name in among or OTHER_NAMES.get(name) in among or TIMESTAMPS.get(name) in among


def missing_columns(header: Collection[str]) -> Iterator[Refusal]:
    """Yield a refusal for each required field that a header names in no way, with the names that would do."""
    for name in REQUIRED:
        if not is_named(name, header):
            other = OTHER_NAMES.get(name) or TIMESTAMPS.get(name)
            message = "the header lacks this column; export it too"
            if other is not None:
                where = "its name in freqtrade's database" if name in IN_THE_DATABASE else "its time in milliseconds"
                message = f"the header has neither this column nor {other}, {where}; export one of them"
            yield Refusal(name, message)


def renamed(trade: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """Return a trade under the present names, and the file's own names of the fields that it calls otherwise.

    A field that is there under both names is taken from its present one. Raises Refused for a stop in percent.

    >>> renamed({"id": 7, "close_profit": 0.1, "buy_tag": "dip"})[0]
    {'trade_id': 7, 'profit_ratio': 0.1, 'enter_tag': 'dip'}
    """
    fields = {name: value for name, value in trade.items() if not is_nothing(value)}
    own: dict[str, str] = {}
    for name, other in OTHER_NAMES.items():
        if name in fields or other not in fields or (other == _PERCENT and name in trade):
            continue
        fields[name], own[name] = fields.pop(other), other
    if own.get("initial_stop_loss_ratio") == _PERCENT:
        _refuse_percent(fields["initial_stop_loss_ratio"])
    return fields, own


def _refuse_percent(stop: object) -> None:
    """The database states a ratio under this name, the API a percentage, and always the ratio beside it."""
    if isinstance(stop, (int, float)) and not -1 <= stop <= 1:
        message = "is a percentage; export initial_stop_loss_ratio, or this column of the database, which is a ratio"
        raise Refused(Refusal(_PERCENT, message))
