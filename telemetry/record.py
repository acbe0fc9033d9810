"""Closed trades in: idempotent by (external_id, revision), the accepted of a batch in one transaction, by COPY."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from psycopg import errors

from telemetry.copying import copy_rows
from telemetry.core.canonical import canonical_json
from telemetry.core.outcomes import Outcome as Judged
from telemetry.core.outcomes import judge
from telemetry.core.refusal import Refusal
from telemetry.core.trades import Trade as TradeValue
from telemetry.models import Action, Attribution, DecisionOutcome, DirtyGroup, Outcome, PendingAttribution, Trade

NAMESPACE = uuid.UUID("6f5a3f5e-0b1c-5c64-9a52-3c6f0c7e6f10")
ATTEMPTS = 5


class Status(StrEnum):
    NEW = "new"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Receipt:
    """What became of one trade of a batch."""

    external_id: str
    revision: int
    status: Status
    refusals: tuple[Refusal, ...] = ()


def trade_id(external_id: str, revision: int) -> uuid.UUID:
    """The id of a trade revision, the same wherever it is computed."""
    return uuid.uuid5(NAMESPACE, f"{revision}:{external_id}")


def record_trades(trades: Sequence[TradeValue], *, now: datetime) -> list[Receipt]:
    """Record validated trades; one receipt each, in order.

    The same body again is `unchanged`; another body under a recorded revision is `refused`, as is a revision that
    skips one. Every accepted trade is written with its actions, outcomes and dirty marks in one transaction. A
    concurrent writer of the same trade makes this one look again, never write twice.
    """
    ordered = sorted(range(len(trades)), key=lambda i: (trades[i].external_id, trades[i].revision))
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                receipts, accepted = _sort_out([trades[i] for i in ordered])
                _write(accepted, now)
            break
        except (IntegrityError, OperationalError) as error:
            raced = isinstance(error.__cause__, errors.UniqueViolation | errors.DeadlockDetected)
            if not raced or attempt == ATTEMPTS - 1:
                raise
    by_position = dict(zip(ordered, receipts, strict=True))
    return [by_position[i] for i in range(len(trades))]


def _sort_out(trades: Sequence[TradeValue]) -> tuple[list[Receipt], list[TradeValue]]:
    """Receipts for all, and the trades to write, given what is recorded already."""
    recorded = _recorded_digests({trade.external_id for trade in trades})
    receipts, accepted = [], []
    for trade in trades:
        revisions = recorded.setdefault(trade.external_id, {})
        status, refusals = _status(trade, revisions)
        if status in (Status.NEW, Status.CORRECTED):
            revisions[trade.revision] = trade.digest
            accepted.append(trade)
        receipts.append(Receipt(trade.external_id, trade.revision, status, refusals))
    return receipts, accepted


def _recorded_digests(external_ids: set[str]) -> dict[str, dict[int, bytes]]:
    digests: dict[str, dict[int, bytes]] = {}
    rows = Trade.objects.filter(external_id__in=external_ids).values_list("external_id", "revision", "digest")
    for external_id, revision, digest in rows:
        digests.setdefault(external_id, {})[revision] = bytes(digest)
    return digests


def _status(trade: TradeValue, revisions: dict[int, bytes]) -> tuple[Status, tuple[Refusal, ...]]:
    latest = max(revisions, default=0)
    if trade.revision in revisions:
        if revisions[trade.revision] == trade.digest:
            return Status.UNCHANGED, ()
        message = (
            f"trade {trade.external_id!r} is recorded with another body as revision {trade.revision}; "
            f"to correct it send revision {latest + 1} with a correction_reason"
        )
        return Status.REFUSED, (Refusal("external_id", message),)
    if trade.revision != latest + 1:
        message = f"revision {trade.revision} does not follow {latest}; send revision {latest + 1}"
        return Status.REFUSED, (Refusal("revision", message),)
    return (Status.CORRECTED if latest else Status.NEW), ()


def _write(trades: Sequence[TradeValue], now: datetime) -> None:
    if not trades:
        return
    groups = _supersede([trade.external_id for trade in trades if trade.revision > 1])
    newest = {trade.external_id: trade.revision for trade in trades}  # sorted, so the last one wins
    current = [trade for trade in trades if newest[trade.external_id] == trade.revision]
    judged = [(trade, outcome) for trade in current for outcome in judge(trade)]
    groups |= {(o.module, o.pattern_key, o.action_category) for _, o in judged}

    copy_rows(Trade, TRADE_COLUMNS, (_trade_row(t, newest[t.external_id] == t.revision, now) for t in trades))
    copy_rows(Action, ACTION_COLUMNS, _action_rows(trades))
    copy_rows(Outcome, OUTCOME_COLUMNS, (_outcome_row(trade, outcome) for trade, outcome in judged))
    named = [trade for trade in current if any(action.decision_ids for action in trade.actions)]
    copy_rows(PendingAttribution, PENDING_COLUMNS, ((trade_id(t.external_id, t.revision), now) for t in named))
    copy_rows(DirtyGroup, DIRTY_COLUMNS, ((*group, now) for group in sorted(groups)))


def _supersede(external_ids: Iterable[str]) -> set[tuple[str, str, str]]:
    """Retire the current revisions of corrected trades with all that was derived; the groups their outcomes leave."""
    old = Trade.objects.filter(external_id__in=list(external_ids), is_current=True)
    ids = list(old.values_list("id", flat=True))
    if not ids:
        return set()
    outcomes = Outcome.objects.filter(trade_id__in=ids)
    groups = set(outcomes.values_list("module", "pattern_key", "action_category"))
    outcomes.delete()
    PendingAttribution.objects.filter(trade_id__in=ids).delete()  # first: it waits for an `attribute` under way
    Attribution.objects.filter(trade_id__in=ids).delete()
    DecisionOutcome.objects.filter(trade_id__in=ids).delete()
    Trade.objects.filter(id__in=ids).update(is_current=False)
    return groups


TRADE_COLUMNS = (
    "id", "external_id", "revision", "correction_reason", "is_current", "excluded_reason", "book", "source",
    "symbol", "side", "timeframe", "cluster_id", "opened_at", "closed_at", "rr", "digest", "recorded_at",
)  # fmt: skip
ACTION_COLUMNS = (
    "trade_id", "index", "module", "pattern_key", "action_category", "at", "scope", "fraction", "leg_rr", "rr_after",
    "decision_ids", "controls", "counterfactuals", "buckets",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "trade_id", "action_index", "module", "pattern_key", "action_category", "book", "cluster_id", "scope", "rr",
    "closed_at",
)  # fmt: skip
PENDING_COLUMNS = ("trade_id", "marked_at")
DIRTY_COLUMNS = ("module", "pattern_key", "action_category", "marked_at")


def _trade_row(trade: TradeValue, is_current: bool, now: datetime) -> tuple[Any, ...]:
    return (
        trade_id(trade.external_id, trade.revision), trade.external_id, trade.revision, trade.correction_reason or "",
        is_current, trade.excluded_reason or "", trade.book, trade.source or "", trade.symbol, trade.side or "",
        trade.timeframe or "", trade.cluster_id or "", trade.opened_at, trade.closed_at, trade.rr, trade.digest, now,
    )  # fmt: skip


def _action_rows(trades: Iterable[TradeValue]) -> Iterator[tuple[Any, ...]]:
    for trade in trades:
        key = trade_id(trade.external_id, trade.revision)
        for index, action in enumerate(trade.actions):
            yield (
                key, index, action.module, action.pattern_key, action.action_category, action.at,
                canonical_json(action.scope), action.fraction, action.leg_rr, action.rr_after,
                "{" + ",".join(action.decision_ids) + "}", canonical_json(action.controls),
                canonical_json(action.counterfactuals), canonical_json(action.buckets),
            )  # fmt: skip


def _outcome_row(trade: TradeValue, outcome: Judged) -> tuple[Any, ...]:
    return (
        trade_id(trade.external_id, trade.revision), outcome.action_index, outcome.module, outcome.pattern_key,
        outcome.action_category, trade.book, trade.cluster_id or "", canonical_json(outcome.scope), outcome.rr,
        outcome.closed_at,
    )  # fmt: skip
