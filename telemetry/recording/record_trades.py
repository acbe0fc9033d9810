"""Record closed trades: idempotent by (external_id, revision), each batch in one transaction, by COPY.

Marks written here (`DirtyGroup`, `FreshTrade`, `PendingAttribution`) are what learning and attribution read next.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from telemetry.core.book_ranks import RANKS
from telemetry.core.decision_fit import REASONS, Acted, Misfit
from telemetry.core.outcomes import Outcome as Judged
from telemetry.core.outcomes import judge
from telemetry.core.trades import Trade as TradeValue
from telemetry.core.vocabulary import ActionCategory
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.refusal import Refusal
from telemetry.models import (
    Action,
    Attribution,
    DecisionOutcome,
    FreshTrade,
    Outcome,
    PendingAttribution,
    Trade,
)
from telemetry.recording.dirty_groups import GroupTrade, mark_groups
from telemetry.recording.named_decisions import NamedDecisions, attribute_alone, named_decisions, release
from telemetry.recording.rank_books import OUTCOME_COLUMNS, rank_books, wait_for_others
from telemetry.recording.revisions import Status, despite_others, revision_status

NAMESPACE = uuid.UUID("6f5a3f5e-0b1c-5c64-9a52-3c6f0c7e6f10")
NOT_YET = "no such decision is stored yet; attribution waits for it for an hour"


class Fit(StrEnum):
    """Whether a decision was made for the action that names it; an unknown one may still arrive."""

    FITS = "fits"
    UNKNOWN = "unknown"
    MISFIT = "misfit"


@dataclass(frozen=True, slots=True)
class NamedDecision:
    """A decision that a recorded trade names, and why it may not name it, if so."""

    id: str
    misfit: Misfit | None

    @property
    def status(self) -> Fit:
        """Whether it fits, is unknown so far, or does not fit."""
        if self.misfit is None:
            return Fit.FITS
        return Fit.UNKNOWN if self.misfit is Misfit.UNKNOWN else Fit.MISFIT

    @property
    def reason(self) -> str:
        """Why it earns nothing through this trade (so far); empty if it fits."""
        if self.misfit is None:
            return ""
        return NOT_YET if self.misfit is Misfit.UNKNOWN else REASONS[self.misfit]


@dataclass(frozen=True)
class Receipt:
    """The result of recording one trade of a batch; `decisions` lists those it names, if it was not refused."""

    external_id: str
    revision: int
    status: Status
    refusals: tuple[Refusal, ...] = ()
    decisions: tuple[NamedDecision, ...] = ()


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A trade to write, with values that several of its rows need."""

    id: str
    trade: TradeValue
    digest: bytes
    scopes: tuple[str, ...]  # of its actions, as JSON

    @classmethod
    def of(cls, trade: TradeValue, digest: bytes) -> _Accepted:
        key = str(trade_id(trade.external_id, trade.revision))
        return cls(key, trade, digest, tuple(_json(action.scope) for action in trade.actions))


def trade_id(external_id: str, revision: int) -> uuid.UUID:
    """Return the id of a trade revision; it is the same wherever it is computed."""
    return uuid.uuid5(NAMESPACE, f"{revision}:{external_id}")


def record_trades(trades: Sequence[TradeValue], *, now: datetime, key: str = "") -> list[Receipt]:
    """Record validated trades; return one receipt each, in order.

    The same body again is `unchanged`. Another body under a recorded revision is `refused`, and so is a revision that
    skips one. Every accepted trade is written with its actions, outcomes and marks in one transaction. If another
    process records the same trade at the same time, this one retries and never writes it twice. A decision that does
    not fit the action that names it refuses nothing; the receipt states it. `key` is the prefix of the API key that
    records them.
    """
    ordered = sorted(range(len(trades)), key=lambda i: (trades[i].external_id, trades[i].revision))
    received = [trades[i] for i in ordered]

    def write() -> list[Receipt]:
        if any(_is_ranked(trade) for trade in trades):
            wait_for_others()
        receipts, accepted = _sort_out(received)
        _write(accepted, now, key)
        return _with_decisions(received, receipts)

    by_position = dict(zip(ordered, despite_others(write), strict=True))
    return [by_position[i] for i in range(len(trades))]


def _sort_out(trades: Sequence[TradeValue]) -> tuple[list[Receipt], list[_Accepted]]:
    """Return receipts for all trades, and the trades to write, given what is recorded already."""
    recorded = _recorded_digests({trade.external_id for trade in trades})
    receipts, accepted = [], []
    for trade in trades:
        revisions = recorded.setdefault(trade.external_id, {})
        digest = trade.digest
        named = ("trade", "external_id", trade.external_id)
        status, refusals = revision_status(*named, trade.revision, digest, revisions)
        if status in (Status.NEW, Status.CORRECTED):
            revisions[trade.revision] = digest
            accepted.append(_Accepted.of(trade, digest))
        receipts.append(Receipt(trade.external_id, trade.revision, status, refusals))
    return receipts, accepted


def _with_decisions(trades: Sequence[TradeValue], receipts: Sequence[Receipt]) -> list[Receipt]:
    """Add to the receipts of trades that were not refused what is known of the decisions they name."""
    kept = [receipt.status is not Status.REFUSED for receipt in receipts]
    taken = (trade for trade, is_kept in zip(trades, kept, strict=True) if is_kept)
    known = named_decisions({key for trade in taken for key in _names(trade)})
    return [
        replace(receipt, decisions=tuple(_checked(trade, known))) if is_kept else receipt
        for trade, receipt, is_kept in zip(trades, receipts, kept, strict=True)
    ]


def _checked(trade: TradeValue, known: NamedDecisions) -> Iterator[NamedDecision]:
    for action in trade.actions:
        acted = Acted(action.module, action.pattern_key, action.action_category, action.at, trade.book)
        for key in action.decision_ids:
            yield NamedDecision(key, known.misfit(key, trade.external_id, acted))


def _names(trade: TradeValue) -> Iterator[str]:
    """Yield the ids of the decisions that a trade names."""
    return (key for action in trade.actions for key in action.decision_ids)


def _recorded_digests(external_ids: set[str]) -> dict[str, dict[int, bytes]]:
    digests: dict[str, dict[int, bytes]] = {}
    rows = Trade.objects.filter(external_id__in=external_ids).values_list("external_id", "revision", "digest")
    for external_id, revision, digest in rows:
        digests.setdefault(external_id, {})[revision] = bytes(digest)
    return digests


def _write(accepted: Sequence[_Accepted], now: datetime, key: str) -> None:
    if not accepted:
        return
    entries = {each.trade.entry_id for each in accepted if each.trade.entry_id and _is_ranked(each.trade)}
    newest = {each.trade.external_id: each for each in accepted}  # sorted, so the last one wins
    current = list(newest.values())
    changed = _retire([each.trade for each in current if each.trade.revision > 1], entries, now)
    judged = [(each, outcome) for each in current for outcome in judge(each.trade)]
    changed |= {(o.module, o.pattern_key, o.action_category, uuid.UUID(each.id)) for each, o in judged}

    trade_rows = ((*_trade_row(each, newest[each.trade.external_id] is each, now), key) for each in accepted)
    copy_rows(Trade, (*TRADE_COLUMNS, "recorded_by"), trade_rows)
    copy_rows(Action, ACTION_COLUMNS, _action_rows(accepted))
    copy_rows(Outcome, OUTCOME_COLUMNS, (_outcome_row(each, outcome) for each, outcome in judged))
    named = [each for each in current if _is_attributable(each.trade)]
    copy_rows(PendingAttribution, PENDING_COLUMNS, ((each.id, now) for each in named))
    if entries:
        changed |= rank_books(entries, now)
    mark_groups(changed, now)
    allocated = dict.fromkeys(each.id for each, o in judged if o.action_category is ActionCategory.ALLOCATION)
    copy_rows(FreshTrade, FRESH_COLUMNS, ((trade, now) for trade in allocated))


def _is_ranked(trade: TradeValue) -> bool:
    """Return whether the trade may supersede others or be superseded, now or by what it corrects."""
    return trade.revision > 1 or (trade.entry_id is not None and trade.book in RANKS)


def _is_attributable(trade: TradeValue) -> bool:
    return trade.rr is not None and any(_names(trade))


def _retire(corrected: Sequence[TradeValue], entries: set[str], now: datetime) -> set[GroupTrade]:
    """Retire the current revisions of corrected trades and delete what was derived from them.

    Which trade their decisions count for is decided again. Returns the groups that lost outcomes with the trades that
    had them, and adds to `entries` those of the old revisions, whose books have to be ranked again.
    """
    old = Trade.objects.filter(external_id__in=[trade.external_id for trade in corrected], is_current=True)
    ids = list(old.values_list("id", flat=True))
    entries |= {entry for entry, book in old.values_list("entry_id", "book") if entry and book in RANKS}
    if not ids:
        return set()
    attribute_alone()
    outcomes = Outcome.objects.filter(trade_id__in=ids)
    lost = set(outcomes.values_list("module", "pattern_key", "action_category", "trade_id"))
    allocated = outcomes.filter(action_category=ActionCategory.ALLOCATION).values_list("trade_id", flat=True).distinct()
    FreshTrade.objects.bulk_create([FreshTrade(trade_id=trade, marked_at=now) for trade in allocated])
    outcomes.delete()
    PendingAttribution.objects.filter(trade_id__in=ids).delete()
    Attribution.objects.filter(trade_id__in=ids).delete()
    DecisionOutcome.objects.filter(trade_id__in=ids).delete()
    Trade.objects.filter(id__in=ids).update(is_current=False)
    named = Action.objects.filter(trade_id__in=ids).exclude(decision_ids=[])
    rows = named.values_list("decision_ids", "trade__external_id")
    release({(str(key), name) for keys, name in rows for key in keys}, now=now)
    return lost


TRADE_COLUMNS = (
    "id", "external_id", "revision", "correction_reason", "is_current", "excluded_reason", "book", "source",
    "symbol", "side", "timeframe", "cluster_id", "entry_id", "superseded_by", "opened_at", "closed_at", "rr", "digest",
    "recorded_at",
)  # fmt: skip
ACTION_COLUMNS = (
    "trade_id", "index", "module", "pattern_key", "action_category", "at", "scope", "fraction", "leg_rr", "rr_after",
    "known_at", "decision_ids", "applied", "controls", "counterfactuals", "buckets", "replays",
    "taken_arms",
)  # fmt: skip
PENDING_COLUMNS = FRESH_COLUMNS = ("trade_id", "marked_at")


def _trade_row(accepted: _Accepted, is_current: bool, now: datetime) -> tuple[Any, ...]:
    trade = accepted.trade
    return (
        accepted.id, trade.external_id, trade.revision, trade.correction_reason or "", is_current,
        trade.excluded_reason or "", trade.book, trade.source or "", trade.symbol, trade.side or "",
        trade.timeframe or "", trade.cluster_id or "", trade.entry_id or "", "", trade.opened_at,
        trade.closed_at, trade.rr, accepted.digest, now,
    )  # fmt: skip


def _action_rows(accepted: Iterable[_Accepted]) -> Iterator[tuple[Any, ...]]:
    for each in accepted:
        for index, (action, scope) in enumerate(zip(each.trade.actions, each.scopes, strict=True)):
            yield (
                each.id, index, action.module, action.pattern_key, action.action_category, action.at, scope,
                action.fraction, action.leg_rr, action.rr_after, action.known_at,
                "{" + ",".join(action.decision_ids) + "}", fact_json(action.applied) if action.applied else None,
                _json(action.controls), _json(action.counterfactuals), _json(action.buckets),
                _json(action.replays), _json(action.taken_arms),
            )  # fmt: skip


def _outcome_row(accepted: _Accepted, outcome: Judged) -> tuple[Any, ...]:
    return (
        accepted.id, outcome.action_index, outcome.module, outcome.pattern_key, outcome.action_category,
        accepted.trade.book, accepted.trade.cluster_id or "", accepted.scopes[outcome.action_index], outcome.rr,
        outcome.closed_at, outcome.known_at, accepted.trade.entry_id or "",
    )  # fmt: skip


def _json(value: Mapping[str, object]) -> str:
    return fact_json(value) if value else "{}"
