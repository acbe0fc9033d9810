"""One trade of freqtrade, from its backtest results, its trade lists, its database or tables made of them.

rr is the realized result per unit of risk (`unit_of_risk`): profit_ratio / |initial_stop_loss_ratio| where the stop is
a real one, and otherwise in ATR, which needs price bars. The pattern is `<strategy>.<long|short>.<enter_tag or entry>`,
each part coded by `pattern_parts`; names that had to be coded stand in the entry's controls as they are. Entries after
the first are adds, and exits before the last are trims; each has its fraction of the total amount entered. An order's
own tag is the motif of an add; trims and exits keep the trade's key, since why something was sold is an outcome. Exits
have no `rr_after`: they are stored but not learned from. There is no allocation action, because the file does not
contain the share of the portfolio.

Trades of one strategy or family in one pair, side and entry bar are one cluster, whatever file, run or book they are
from; `entry_id` is the same without strategy and exchange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telemetry.core.file_formats.exclusions import FORCED, NO_BARS
from telemetry.core.file_formats.file_rows import Defaults, Names, Row
from telemetry.core.file_formats.freqtrade_coding_1 import first_payload
from telemetry.core.file_formats.freqtrade_facts import (
    Facts,
    Run,
    StillOpen,
    external_id,
    is_censored,
    market_facts,
    read_facts,
)
from telemetry.core.file_formats.freqtrade_names import renamed
from telemetry.core.file_formats.freqtrade_orders import Order, is_dry_run
from telemetry.core.file_formats.pattern_parts import motif, pattern_part
from telemetry.core.unit_of_risk import has_real_stop, rr_by_stop
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.objects import mapping
from telemetry.foundation.core.refusal import Refusal, Refused

LIVE = "live"
NAMES: Names = (
    ("opened_at", "open_date"),
    ("closed_at", "close_date"),
    ("symbol", "pair"),
    ("rr", "profit_ratio"),
    ("cluster_id", "entry_id"),
    ("actions[0].at", "open_date"),
    ("actions[0].controls", ""),
)


def read_trade(
    place: str, trade: object, run: Run, defaults: Defaults, size: int = 0, first: Mapping[str, object] | None = None
) -> Row:
    """Return one trade as a row; `first` is the trade as the first coding saw it, if that differs. Never raises."""
    own: dict[str, str] = {}
    try:
        given = mapping(trade)
        fields, own = renamed(given)
        facts = read_facts(fields, run)
        payload = _payload(facts, fields, run, defaults)
    except Refused as refused:
        refusals = tuple(Refusal(_own(own, each.field), each.message) for each in refused.refusals)
        return Row(place, refusals=refusals, is_open=isinstance(refused, StillOpen))
    return Row(
        place,
        payload,
        names=tuple((ours, _own(own, theirs)) for ours, theirs in NAMES) if own else NAMES,
        size=size,
        market=market_facts(facts, fields, run),
        earlier=_earlier(given if first is None else first, run, defaults),
        family=defaults.family or facts.strategy,
        run=run.label or run.run_id,
        may_revise=not run.is_backtest and facts.own_id is not None and facts.own_id.isdigit(),
    )


def trade_payload(value: object, run: Run, defaults: Defaults) -> dict[str, object]:
    """Return the payload of a closed trade; raise Refused with freqtrade's field names."""
    fields, _ = renamed(mapping(value))
    return _payload(read_facts(fields, run), fields, run, defaults)


def _own(own: Mapping[str, str], field: str) -> str:
    return own.get(field, field)


def _payload(facts: Facts, trade: Mapping[str, object], run: Run, defaults: Defaults) -> dict[str, object]:
    if defaults.book == LIVE and is_dry_run(trade):
        raise Refused(Refusal("book", "an order of the trade is of a dry run and not live; import it with --book dry"))
    family = pattern_part(defaults.family or facts.strategy)
    measured = has_real_stop(facts.stop_ratio, facts.leverage, run.stop_is_custom)
    entry_id = trade.get("entry_id")
    payload: dict[str, object] = {
        "external_id": external_id(facts),
        "book": defaults.book_of_files,
        "source": defaults.source or trade.get("source") or "freqtrade",
        "symbol": facts.pair,
        "side": facts.side,
        "timeframe": facts.timeframe,
        "cluster_id": f"{facts.exchange or ''}:{facts.entry_id}:{family}" if entry_id is None else entry_id,
        "entry_id": facts.entry_id,
        "opened_at": utc_text(facts.opened_at),
        "closed_at": utc_text(facts.closed_at),
        "rr": rr_by_stop(facts.profit_ratio, facts.stop_ratio) if measured else None,
        "actions": _actions(facts, f"{family}.{facts.side}", defaults.family),
    }
    if is_censored(facts, run):
        payload["excluded_reason"] = FORCED
    elif not measured:
        payload["excluded_reason"] = NO_BARS
    return payload


def _earlier(trade: Mapping[str, object], run: Run, defaults: Defaults) -> tuple[object, ...]:
    payload = first_payload(
        trade,
        run.strategy,
        run.run_id,
        run.timeframe,
        book=defaults.book_of_files,
        source=defaults.source,
        family=defaults.family,
    )
    return () if payload is None else (payload,)


def _actions(facts: Facts, start: str, family: str | None) -> list[dict[str, object]]:
    scope = {"timeframe": facts.timeframe} if facts.timeframe else {}
    tag = motif(facts.tag)
    action: dict[str, object] = {"module": "pm", "pattern_key": f"{start}.{tag}", "scope": scope}
    entry = action | {"action_category": "entry", "at": utc_text(facts.opened_at)}
    if coded := _coded(enter_tag=(facts.tag, tag), strategy=(family or facts.strategy, start.partition(".")[0])):
        entry["controls"] = coded
    close = action | {"action_category": "exit", "at": utc_text(facts.closed_at)}
    orders = facts.orders
    first_entry = next((order for order in orders if order.is_entry), None)
    last_exit = next((order for order in reversed(orders) if not order.is_entry), None)
    if first_entry is not None and first_entry.fraction is not None and first_entry.fraction < 1:
        entry["fraction"] = first_entry.fraction
    moves = [order for order in orders if order is not first_entry and order is not last_exit]
    close["controls"] = _texts(exit_reason=facts.exit_reason) | _exit_tag(facts, last_exit)
    return [entry, *_moves(facts, moves, action, start), close]


def _moves(facts: Facts, orders: Sequence[Order], action: dict[str, object], start: str) -> list[dict[str, object]]:
    moves = []
    for order in orders:
        move = action | {"action_category": "add" if order.is_entry else "trim", "at": utc_text(order.at)}
        if order.fraction is not None:
            move["fraction"] = order.fraction
        tag = order.fill.tag
        if order.is_entry and tag and tag != facts.tag:
            move["pattern_key"] = f"{start}.{motif(tag)}"
            move["controls"] = _coded(enter_tag=(tag, motif(tag)))
        elif not order.is_entry:
            move["controls"] = _exit_tag(facts, order)
        moves.append(move)
    return moves


def _exit_tag(facts: Facts, order: Order | None) -> dict[str, str]:
    tag = order.fill.tag if order is not None else None
    return {"exit_tag": tag} if tag and tag != facts.exit_reason else {}


def _coded(**names: tuple[str, str]) -> dict[str, str]:
    """Return the names that a pattern key does not show as they are."""
    return {field: name for field, (name, part) in names.items() if name and name != part}


def _texts(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
