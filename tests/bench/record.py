"""Recording closed trades: the verb, which writes by COPY, against Django's `bulk_create` of the same rows.

Both start with the same validated trades and end with the same committed rows. The verb also looks up what is recorded
already and returns receipts, which `bulk_create` does not have to do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import AutoField, Model

from telemetry.core.outcomes import Outcome as Judged
from telemetry.core.outcomes import judge
from telemetry.core.trades import Trade as TradeValue
from telemetry.models import Action, DirtyGroup, Outcome, PendingAttribution, Trade
from telemetry.recording.dirty_groups import named as named_trades
from telemetry.recording.record_trades import record_trades, trade_id
from tests.bench.report import figure, interleaved, scratch_database
from tests.bench.worlds import NOW, parsed, world

TRADES = 1_000  # per round; many short rounds, because the load of the machine varies
ROUNDS = 9
ACTIONS = 3
BATCH = 1_000  # rows per INSERT
SAMPLE = 100  # trades written both ways and compared row by row
MODELS: tuple[type[Model], ...] = (Trade, Action, Outcome, PendingAttribution, DirtyGroup)


def empty_tables() -> None:
    tables = ", ".join(model._meta.db_table for model in MODELS)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


@transaction.atomic
def bulk_create(trades: Sequence[TradeValue]) -> None:
    """Write the rows that `record_trades` writes for new trades, the way most Django code would."""
    keyed = [(trade_id(trade.external_id, trade.revision), trade) for trade in trades]
    judged = [(key, trade, outcome) for key, trade in keyed for outcome in judge(trade)]
    named = [key for key, trade in keyed if any(action.decision_ids for action in trade.actions)]
    groups: dict[tuple[str, str, str], set[UUID]] = {}
    for key, _, outcome in judged:
        groups.setdefault((outcome.module, outcome.pattern_key, outcome.action_category), set()).add(key)
    rows: dict[type[Model], list[Any]] = {
        Trade: [_trade(*each) for each in keyed],
        Action: [action for each in keyed for action in _actions(*each)],
        Outcome: [_outcome(*each) for each in judged],
        PendingAttribution: [PendingAttribution(trade_id=key, marked_at=NOW) for key in named],
        DirtyGroup: [
            DirtyGroup(module=m, pattern_key=k, action_category=c, trades=named_trades(changed), marked_at=NOW)
            for (m, k, c), changed in sorted(groups.items())
        ],
    }
    for model, instances in rows.items():
        model._default_manager.bulk_create(instances, batch_size=BATCH)


def _trade(key: UUID, trade: TradeValue) -> Trade:
    return Trade(
        id=key,
        external_id=trade.external_id,
        revision=trade.revision,
        book=trade.book,
        source=trade.source or "",
        symbol=trade.symbol,
        side=trade.side or "",
        timeframe=trade.timeframe or "",
        cluster_id=trade.cluster_id or "",
        opened_at=trade.opened_at,
        closed_at=trade.closed_at,
        rr=trade.rr,
        digest=trade.digest,
        recorded_at=NOW,
    )


def _actions(key: UUID, trade: TradeValue) -> list[Action]:
    return [
        Action(
            trade_id=key,
            index=index,
            module=action.module,
            pattern_key=action.pattern_key,
            action_category=action.action_category,
            at=action.at,
            scope=action.scope,
            fraction=action.fraction,
            leg_rr=action.leg_rr,
            rr_after=action.rr_after,
            known_at=action.known_at,
            decision_ids=list(action.decision_ids),
            controls=action.controls,
            counterfactuals=action.counterfactuals,
            buckets=action.buckets,
        )
        for index, action in enumerate(trade.actions)
    ]


def _outcome(key: UUID, trade: TradeValue, outcome: Judged) -> Outcome:
    return Outcome(
        trade_id=key,
        action_index=outcome.action_index,
        module=outcome.module,
        pattern_key=outcome.pattern_key,
        action_category=outcome.action_category,
        book=trade.book,
        cluster_id=trade.cluster_id or "",
        scope=outcome.scope,
        rr=outcome.rr,
        closed_at=outcome.closed_at,
        known_at=outcome.known_at,
    )


def contents() -> list[list[str]]:
    """Return every row of every table in one order, without the numbers that the database assigns."""
    columns = [[f.name for f in model._meta.concrete_fields if not isinstance(f, AutoField)] for model in MODELS]
    return [
        sorted(map(str, model._default_manager.values_list(*names)))
        for model, names in zip(MODELS, columns, strict=True)
    ]


def refuse_unequal(trades: Sequence[TradeValue]) -> None:
    """Raise an error if the two ways do not write the same rows."""
    written = []
    for write in (partial(record_trades, trades, now=NOW), partial(bulk_create, trades)):
        empty_tables()
        write()
        written.append(contents())
    if written[0] != written[1]:
        raise AssertionError("record_trades and bulk_create do not write the same rows")


def run(count: int = TRADES, rounds: int = ROUNDS) -> None:
    payloads = world(count * ACTIONS).payloads("bench", ACTIONS)
    trades = parsed(payloads)
    refuse_unequal(trades[:SAMPLE])
    taken = interleaved(
        {
            "copy": lambda: record_trades(trades, now=NOW),
            "bulk_create": lambda: bulk_create(trades),
            "parse_and_copy": lambda: record_trades(parsed(payloads), now=NOW),
        },
        rounds,
        before=empty_tables,
    )
    copy, bulk = taken["copy"], taken["bulk_create"]
    of = {"trades": count, "actions_per_trade": ACTIONS, "rounds": rounds}
    figure("record", "copy_speedup_wall", bulk.wall / copy.wall, "x", against="bulk_create", bar=4, **of)
    figure("record", "copy_speedup_cpu", bulk.cpu / copy.cpu, "x", against="bulk_create", note="of this process", **of)
    for name, seconds in taken.items():
        figure("record", f"{name}_wall", seconds.wall, "s", cpu_s=round(seconds.cpu, 4), **of)
        figure("record", f"{name}_rate", count / seconds.wall, "trades/s", **of)
    empty_tables()


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
