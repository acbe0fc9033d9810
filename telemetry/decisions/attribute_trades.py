"""Attribute the rr of closed trades to the overrides behind their decisions (docs/method.md 11)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from telemetry.decisions.attributed_trades import batch_of
from telemetry.decisions.attribution_rows import write_attributed
from telemetry.recording.named_decisions import MAX_WAIT, as_array, attribute_alone, claim, release, reopen_arrived
from telemetry.recording.outcome_scopes import learn_in_scopes

# A trade is due when all the decisions it names are stored, or when it has waited for them for MAX_WAIT. Decisions are
# looked up one by one: written as EXISTS, PostgreSQL would read all actions and all decisions once many trades wait.
DUE = """
SELECT trade_id::text FROM telemetry_pendingattribution AS pending
WHERE marked_at < %s OR (
    SELECT count(*) FROM telemetry_action AS action, unnest(action.decision_ids) AS named
    WHERE action.trade_id = pending.trade_id
    AND (SELECT decision_id FROM telemetry_decision WHERE decision_id = named LIMIT 1) IS NULL
) = 0
ORDER BY marked_at LIMIT %s
"""


def attribute_trades(*, now: datetime, limit: int = 1000, looks_back: bool = True) -> int:
    """Attribute up to `limit` pending trades and return how many were attributed.

    A trade whose decisions are not stored yet stays pending for up to an hour; it does not hold up other trades. Where
    one of them is stored later, the trade is attributed again, if `looks_back`. Only decisions that fit the action that
    names them earn anything, each for one trade; the action is then learned from in the scope that was asked. One
    transaction attributes at a time; others wait for it.
    """
    with transaction.atomic():
        _commit_at_leisure()
        attribute_alone()
        if looks_back:
            reopen_arrived(now=now)
        ids = _due(limit, now)
        batch = batch_of(ids)
        claim(batch.fitting)
        release(batch.unfit, now=now)
        found = write_attributed(batch.attributed(), now)
        learn_in_scopes(batch.scopes_asked(found), now=now)
        _settle(ids)
    return len(found)


def attribute_due(*, now: datetime, looks_back: bool = True) -> int:
    """Attribute all due trades, a thousand in a transaction, and return how many were attributed."""
    total = 0
    while True:
        with _collecting_later():
            count = attribute_trades(now=now, looks_back=looks_back)
        if not count:
            return total
        total, looks_back = total + count, False


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Pause garbage collection during a batch, and return to what was set.

    A thousand trades are 50,000 objects, and looking through all of them again and again takes a third of the time.
    They are freed all the same when nothing refers to them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _commit_at_leisure() -> None:
    """Do not wait for the disk at the end of this transaction.

    If the database's machine fails within that second, the marks of the trades are still there with their
    attributions gone, and they are attributed again to the same figures.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _due(limit: int, now: datetime) -> list[str]:
    """Return up to `limit` due trades, longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [now - MAX_WAIT, limit])
        return [row[0] for row in cursor.fetchall()]


def _settle(ids: list[str]) -> None:
    """Delete the marks of trades that were attributed."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_pendingattribution WHERE trade_id = ANY(%s::uuid[])", [as_array(ids)])
