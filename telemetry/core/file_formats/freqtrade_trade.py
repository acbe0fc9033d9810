"""One trade of freqtrade, from its backtest results, its trade lists or tables made of them.

rr = profit_ratio / |initial_stop_loss_ratio|: both are per unit of stake, so the quotient is the outcome per unit of
risk. The pattern is `<strategy>.<long|short>.<enter_tag or entry>`. Entries after the first are adds, and exits before
the last are trims; each has its fraction of the total amount entered. Exits have no `rr_after`: they are stored but not
learned from. There is no allocation action, because the file does not contain the share of the portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from telemetry.core.file_formats.file_rows import Defaults, Names
from telemetry.core.file_formats.freqtrade_fields import moment_in, number_in, pattern_part, text_in, timeframe_word
from telemetry.core.file_formats.freqtrade_orders import filled_orders
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.objects import mapping
from telemetry.foundation.core.refusal import Refusal, Refused

NAMES: Names = (
    ("opened_at", "open_date"),
    ("closed_at", "close_date"),
    ("symbol", "pair"),
    ("rr", "profit_ratio"),
    ("cluster_id", "entry_id"),
    ("actions[0].at", "open_date"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a file states once for all its trades; values of a trade itself take precedence."""

    strategy: str | None = None
    run_id: str | None = None
    timeframe: str | None = None


def trade_payload(value: object, run: Run, defaults: Defaults) -> dict[str, object]:
    """Return the payload of a closed trade; raise Refused with freqtrade's field names.

    `entry_id`, if present, becomes the cluster: the same entry in several runs counts as evidence once.
    """
    trade = mapping(value)
    if trade.get("is_open") is True or trade.get("close_date") is None:
        raise Refused(Refusal("close_date", "the trade is open; import it once it has closed"))
    strategy, pair = text_in(trade, "strategy", run.strategy), text_in(trade, "pair")
    opened_at, closed_at = moment_in(trade, "open_date"), moment_in(trade, "close_date")
    side = "short" if trade.get("is_short") is True else "long"
    timeframe = timeframe_word(trade.get("timeframe") or run.timeframe)
    key = ".".join((pattern_part(defaults.family or strategy), side, pattern_part(trade.get("enter_tag"), "entry")))
    action = {"module": "pm", "pattern_key": key, "scope": {"timeframe": timeframe} if timeframe else {}}
    return {
        "external_id": _external_id(trade, run, strategy, pair, opened_at),
        "book": defaults.book,
        "source": defaults.source or trade.get("source") or "freqtrade",
        "symbol": pair,
        "side": side,
        "timeframe": timeframe,
        "cluster_id": trade.get("entry_id"),
        "opened_at": opened_at,
        "closed_at": closed_at,
        "rr": _rr(trade),
        "actions": [{**action, **each} for each in _actions(trade, opened_at, closed_at)],
    }


def _external_id(trade: Mapping[str, object], run: Run, strategy: str, pair: str, opened_at: str) -> str:
    """Return an id that is the same whenever the trade is imported, under any source or book.

    A trade without an id of its own is identified by its run and by every field in which two trades of one run can
    differ.
    """
    own = trade.get("trade_id")
    fields = ("is_short", "enter_tag", "close_date", "open_rate", "amount")
    identity = [own] if own is not None else [run.run_id, *(trade.get(name) for name in fields)]
    try:
        digest = sha256(fact_json([strategy, pair, opened_at, *identity]).encode()).hexdigest()[:16]
    except (ValueError, TypeError, RecursionError):
        raise Refused(Refusal("trade_id", "what tells this trade from others is no text or finite number")) from None
    return f"freqtrade:{strategy[:60].strip()}:{pair[:60].strip()}:{opened_at}:{digest}"


def _rr(trade: Mapping[str, object]) -> float:
    """Return the realized outcome in R.

    >>> _rr({"profit_ratio": 0.05, "initial_stop_loss_ratio": -0.1})
    0.5
    """
    risk = number_in(trade, "initial_stop_loss_ratio")
    if risk == 0:
        message = "is 0, so there is no unit of risk; give the strategy a stop loss, or send rr yourself as JSON lines"
        raise Refused(Refusal("initial_stop_loss_ratio", message))
    return number_in(trade, "profit_ratio") / abs(risk)


def _actions(trade: Mapping[str, object], opened_at: str, closed_at: str) -> list[dict[str, object]]:
    entry: dict[str, object] = {"action_category": "entry", "at": opened_at}
    reason = trade.get("exit_reason") or trade.get("sell_reason")  # an outcome, so never part of a pattern
    close: dict[str, object] = {
        "action_category": "exit",
        "at": closed_at,
        "controls": {"exit_reason": reason} if reason else {},
    }
    orders = filled_orders(trade)
    first_entry = next((order for order in orders if order.is_entry), None)
    last_exit = next((order for order in reversed(orders) if not order.is_entry), None)
    if first_entry is not None and first_entry.fraction < 1:
        entry["fraction"] = first_entry.fraction
    moves: list[dict[str, object]] = [
        {"action_category": "add" if order.is_entry else "trim", "at": order.at, "fraction": order.fraction}
        for order in orders
        if order is not first_entry and order is not last_exit
    ]
    return [entry, *moves, close]
