"""Count a position once, however many books tell it: live supersedes dry, and dry supersedes backtest.

Books tell the same position if strategy (or family), pair, side and entry bar agree, and the exchange where both name
one. The trade of the lesser book stays, but has no outcomes, earns nothing, and names the trade that supersedes it.
When that one is corrected or excluded, the lesser one counts again. Other books, paper among them, stand for
themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from telemetry.core.book_ranks import RANKS, exchange_of, supersedes
from telemetry.core.outcomes import known_at, result_of
from telemetry.core.vocabulary import family_of
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import Action, Attribution, FreshTrade, Outcome, PendingAttribution, Trade
from telemetry.recording.dirty_groups import GroupTrade
from telemetry.recording.named_decisions import attribute_alone, decide_again, release, reopen

ONE_AT_A_TIME = 0x626F6F6B  # the advisory lock of recordings that may supersede one another
OUTCOME_COLUMNS = (
    "trade_id", "action_index", "module", "pattern_key", "action_category", "book", "cluster_id", "scope", "rr",
    "closed_at", "known_at", "entry_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Telling:
    """A current trade as one book tells it."""

    id: UUID
    external_id: str
    book: str
    is_included: bool
    has_rr: bool
    exchange: str
    superseded_by: str

    def yields_to(self, other: _Telling) -> bool:
        return other.is_included and self.is_told_better_by(other)

    def is_told_better_by(self, other: _Telling) -> bool:
        return supersedes(other.book, self.book, other.exchange, self.exchange)


def wait_for_others() -> None:
    """Wait until no other transaction records trades of these books, so that none overlooks what the other writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


def rank_books(entry_ids: Iterable[str], now: datetime) -> set[GroupTrade]:
    """Supersede and release trades of these entries as the recorded books require.

    Returns the groups that lost or regained outcomes, with the trades. Call it after `wait_for_others`, in the same
    transaction.
    """
    superseded: dict[UUID, str] = {}
    released: list[UUID] = []
    for tellings in _tellings(set(entry_ids)).values():
        for telling in tellings:
            better = [other for other in tellings if telling.yields_to(other)]
            best = min(better, key=lambda other: (-RANKS[other.book], other.external_id), default=None)
            if best is None and telling.superseded_by:
                released.append(telling.id)
            elif best is not None and best.external_id != telling.superseded_by:
                superseded[telling.id] = best.external_id
    return _supersede(superseded, now) | _release(released, now)


def told_by_excluded() -> list[UUID]:
    """Return the current trades whose position an excluded trade of a better book tells with an outcome in R.

    Learning needs them in its place, so they are not superseded; but what the position earned is known from the better
    one, and is not to be counted twice.
    """
    excluded = Trade.objects.filter(is_current=True, book__in=list(RANKS), rr__isnull=False)
    entries = excluded.exclude(excluded_reason="").exclude(entry_id="").values_list("entry_id", flat=True)
    return [
        telling.id
        for tellings in _tellings(set(entries)).values()
        for telling in tellings
        if any(each.has_rr and not each.is_included and telling.is_told_better_by(each) for each in tellings)
    ]


def _tellings(entry_ids: set[str]) -> dict[tuple[str, str], list[_Telling]]:
    """Return the current trades of ranked books by entry and family."""
    found: dict[tuple[str, str], list[_Telling]] = defaultdict(list)
    first = Action.objects.filter(
        index=0, trade__is_current=True, trade__entry_id__in=entry_ids, trade__book__in=list(RANKS)
    ).select_related("trade")
    for action in first:
        trade = action.trade
        telling = _Telling(
            trade.id,
            trade.external_id,
            trade.book,
            not trade.excluded_reason,
            trade.rr is not None,
            exchange_of(trade.cluster_id, trade.entry_id),
            trade.superseded_by,
        )
        found[trade.entry_id, family_of(action.pattern_key)].append(telling)
    return found


def _supersede(superseded: Mapping[UUID, str], now: datetime) -> set[GroupTrade]:
    if not superseded:
        return set()
    attribute_alone()
    outcomes = Outcome.objects.filter(trade_id__in=list(superseded))
    lost = set(outcomes.values_list("module", "pattern_key", "action_category", "trade_id"))
    _mark_fresh(outcomes.filter(action_category="allocation").values_list("trade_id", flat=True).distinct(), now)
    outcomes.delete()
    for trade_id, external_id in superseded.items():
        Trade.objects.filter(id=trade_id).update(superseded_by=external_id)
    _take_earnings_back(superseded, now)
    return lost


def _take_earnings_back(superseded: Iterable[UUID], now: datetime) -> None:
    """Have trades that are superseded from now on attributed again, so that a position earns in one book only.

    Their decisions may count for another trade, that of the better book among them.
    """
    named = Action.objects.filter(trade_id__in=list(superseded), trade__rr__isnull=False).exclude(decision_ids=[])
    rows = list(named.values_list("trade_id", "trade__external_id", "decision_ids"))
    release({(str(key), name) for _, name, keys in rows for key in keys}, now=now)
    trades = {trade for trade, _, _ in rows}
    PendingAttribution.objects.filter(trade_id__in=trades).delete()
    reopen(trades, now=now)


def _release(released: Sequence[UUID], now: datetime) -> set[GroupTrade]:
    if not released:
        return set()
    attribute_alone()
    Trade.objects.filter(id__in=released).update(superseded_by="")
    rows = []
    actions = Action.objects.filter(trade_id__in=released, trade__excluded_reason="").select_related("trade")
    for action in actions.order_by("trade_id", "index"):
        trade = action.trade
        rr = result_of(action.action_category, action.rr_after, trade.rr)
        if rr is not None:
            rows.append((
                str(trade.id), action.index, action.module, action.pattern_key, action.action_category, trade.book,
                trade.cluster_id, fact_json(action.scope), rr, trade.closed_at,
                known_at(trade.closed_at, action.known_at), trade.entry_id,
            ))  # fmt: skip
    copy_rows(Outcome, OUTCOME_COLUMNS, rows)
    # Their outcomes are of the scopes that were sent; attribution gives them those that were asked.
    reopen(set(Attribution.objects.filter(trade_id__in=released).values_list("trade_id", flat=True)), now=now)
    named = Action.objects.filter(trade_id__in=released).values_list("decision_ids", flat=True)
    decide_again({str(key) for keys in named for key in keys}, now=now)
    _mark_fresh({UUID(row[0]) for row in rows if row[4] == "allocation"}, now)
    return {(row[2], row[3], row[4], UUID(row[0])) for row in rows}


def _mark_fresh(trades: Iterable[UUID], now: datetime) -> None:
    FreshTrade.objects.bulk_create([FreshTrade(trade_id=trade, marked_at=now) for trade in trades])
