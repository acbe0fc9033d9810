"""Results that bars tell of a trade: `rr_after` of sales, `leg_rr` of adds, and replays of a later entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from telemetry.core.file_formats.market_facts import Fill, MarketFacts
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.outcomes import (
    TAKEN_DELAY,
    Deal,
    Order,
    after_exit,
    after_trim,
    entry_delays,
    leg_of,
)
from telemetry.foundation.core.canonical_json import utc_text

ENTRY_DELAY = "entry_delay_bars"
DECIMALS = 6
NO_RISK = "the trade has no unit of risk"
NO_PRICE = "the file gives no closing price"
OTHER_ORDERS = "the orders of the file are not the actions of the trade"
NO_BARS = "there are no bars of the trade's timeframe"
ENDED = "the bars do not hold the exit or end within 24 bars after it"
NO_DELAYS = "the bars end, the first fill is not within its bar, or other orders were filled before the longest delay"

Action = dict[str, Any]
Note = Callable[[str, str, str | None], None]


def deal_of(facts: MarketFacts, risk: float | None) -> Deal | str:
    """Return a trade as its prices tell it, or the reason why that is not possible. `risk` is R as a fraction.

    A file without orders tells of one entry at the open rate and one exit at the close rate.
    """
    if risk is None:
        return NO_RISK
    exit_fill = None if facts.close_rate is None else Fill(facts.closed_at, False, facts.close_rate, 1.0)
    entries = [fill for fill in facts.fills if fill.is_entry] or [Fill(facts.opened_at, True, facts.open_rate, 1.0)]
    exits = [fill for fill in facts.fills if not fill.is_entry] or [fill for fill in (exit_fill,) if fill is not None]
    if not exits:
        return NO_PRICE
    entered = sum(fill.amount for fill in entries)
    sold = entered if facts.fills else 1.0
    return Deal(
        side=-1 if facts.is_short else 1,
        open_rate=facts.open_rate,
        risk=risk,
        fee_open=facts.fee_open,
        fee_close=facts.fee_close,
        entries=[_order(fill, entered) for fill in entries],
        exits=[_order(fill, sold) for fill in exits],
    )


def add_results(
    actions: Sequence[Action], deal: Deal | str, bars: Bars | None, closed_at: datetime, rr: object, note: Note
) -> None:
    """Add to the actions of a trade, in place, each result that bars tell and that they do not carry yet.

    `note` is called for each result with the action's category, the result's name, and the reason if it is missing.
    `closed_at` is the trade's close: a result is known then, or later if it says so by its `known_at`.
    """
    found = {category: [each for each in actions if each.get("action_category") == category] for category in _RESULTS}
    for category, name in _RESULTS.items():
        if isinstance(deal, str):
            _note_all(found[category], category, name, deal, note)
    if isinstance(deal, str):
        return
    for action in found["entry"][:1]:
        _delays(action, deal, bars, closed_at, rr, note)
    for category, orders in (("add", deal.entries[1:]), ("trim", deal.exits[:-1])):
        if len(orders) != len(found[category]):
            _note_all(found[category], category, _RESULTS[category], OTHER_ORDERS, note)
            continue
        for action, order in zip(found[category], orders, strict=True):
            result = leg_of(deal, order) if category == "add" else after_trim(deal, order).rr
            action.setdefault(_RESULTS[category], round(result, DECIMALS))
            note(category, _RESULTS[category], None)
    for action in found["exit"][-1:]:
        _after_exit(action, deal, bars, note)


_RESULTS: Mapping[str, str] = {"entry": "replays", "add": "leg_rr", "trim": "rr_after", "exit": "rr_after"}


def _delays(action: Action, deal: Deal, bars: Bars | None, closed_at: datetime, rr: object, note: Note) -> None:
    replayed = None if bars is None or not isinstance(rr, float) else entry_delays(deal, bars, rr)
    if replayed is None:
        note("entry", "replays", NO_BARS if bars is None else NO_DELAYS)
        return
    arms = {arm: value if arm == TAKEN_DELAY else round(value, DECIMALS) for arm, value in replayed.arms.items()}
    action.setdefault("replays", {ENTRY_DELAY: arms})
    action.setdefault("taken_arms", {ENTRY_DELAY: TAKEN_DELAY})
    action.setdefault("known_at", utc_text(max(closed_at, _moment(replayed.known_at))))
    note("entry", "replays", None)


def _after_exit(action: Action, deal: Deal, bars: Bars | None, note: Note) -> None:
    followed = None if bars is None else after_exit(deal, bars)
    if followed is None:
        note("exit", "rr_after", NO_BARS if bars is None else ENDED)
        return
    if "rr_after" not in action:
        action |= {"rr_after": round(followed.rr, DECIMALS), "known_at": utc_text(_moment(followed.known_at))}
    note("exit", "rr_after", None)


def _note_all(actions: Sequence[Action], category: str, name: str, reason: str, note: Note) -> None:
    for _ in actions:
        note(category, name, reason)


def _order(fill: Fill, total: float) -> Order:
    return Order(int(fill.at.timestamp()), fill.price, fill.amount / total)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
