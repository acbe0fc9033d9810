"""Attribute trades again that were attributed before, and change only what comes out otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID

from django.db import transaction

from telemetry.decisions.attribute_trades import attribute_due
from telemetry.decisions.attributed_trades import Attributed, batch_of
from telemetry.decisions.attribution_rows import (
    OUTCOME_COLUMNS,
    SHARE_COLUMNS,
    SUM_COLUMNS,
    outcome_rows,
    share_rows,
    sum_rows,
)
from telemetry.models import Attribution, AttributionShare, DecisionOutcome
from telemetry.recording.named_decisions import attribute_alone, reopen

CHUNK = 1000


def attribute_again(*, now: datetime, chunk: int = CHUNK) -> int:
    """Attribute all attributed trades again, write those that come out otherwise anew, and return their number.

    Rows of the others are left as they are, to their ids and times, so that a second run changes nothing.
    """
    changed = 0
    for ids in _chunks(chunk):
        with transaction.atomic():
            attribute_alone()
            stale = _stale(list(batch_of(ids).attributed()))
            reopen(stale, now=now)
        changed += len(stale)
    attribute_due(now=now)
    return changed


def _chunks(size: int) -> Iterator[list[UUID]]:
    """Yield the ids of attributed trades in order; those that are written while this runs may be among them."""
    last: UUID | None = None
    while True:
        rows = Attribution.objects.order_by("trade_id").values_list("trade_id", flat=True)
        ids = list(rows.filter(trade_id__gt=last)[:size] if last else rows[:size])
        if not ids:
            return
        yield ids
        last = ids[-1]


def _stale(found: Sequence[Attributed]) -> set[UUID]:
    """Return the trades of which other rows are stored than those that come out now."""
    ids = [UUID(each.trade.id) for each in found]
    stored = (
        Attribution.objects.filter(trade_id__in=ids).values_list(*SUM_COLUMNS),
        AttributionShare.objects.filter(attribution_id__in=ids).values_list(*SHARE_COLUMNS),
        DecisionOutcome.objects.filter(trade_id__in=ids).values_list(*OUTCOME_COLUMNS),
    )
    before = _by_trade(row for rows in stored for row in rows)
    after = _by_trade(chain(sum_rows(found), share_rows(found), outcome_rows(found)))
    return {key for key in ids if before[str(key)] != after[str(key)]}


def _by_trade(rows: Iterable[tuple[object, ...]]) -> dict[str, set[tuple[object, ...]]]:
    found: dict[str, set[tuple[object, ...]]] = {}
    for trade, second, *others in rows:
        key = str(trade)
        found.setdefault(key, set()).add((key, str(second) if isinstance(second, UUID) else second, *others))
    return found
