"""Recording closed trades: the verb, which writes by COPY, against Django's `bulk_create` of the same rows.

Both begin with the same validated trades and end with the same rows committed. The verb also looks up what is
recorded already and hands back receipts; `bulk_create` is spared that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from django.db import connection, transaction

from telemetry.core.outcomes import Outcome as Judged
from telemetry.core.outcomes import judge
from telemetry.core.trades import Trade as TradeValue
from telemetry.models import Action, DirtyGroup, Outcome, PendingAttribution, Trade
from telemetry.record import record_trades, trade_id
from tests.bench.report import figure, interleaved, scratch_database
from tests.bench.worlds import NOW, parsed, world

TRADES = 5_000
ACTIONS = 3
BATCH = 1_000  # rows of one INSERT
MODELS = (Trade, Action, Outcome, PendingAttribution, DirtyGroup)


def empty_tables() -> None:
    tables = ", ".join(model._meta.db_table for model in MODELS)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


@transaction.atomic
def bulk_create(trades: Sequence[TradeValue]) -> None:
    """The rows that `record_trades` writes for new trades, the way most Django code would write them."""
    judged = [(trade, outcome) for trade in trades for outcome in judge(trade)]
    groups = sorted({(outcome.module, outcome.pattern_key, outcome.action_category) for _, outcome in judged})
    Trade.objects.bulk_create(map(_trade, trades), batch_size=BATCH)
    Action.objects.bulk_create([action for trade in trades for action in _actions(trade)], batch_size=BATCH)
    Outcome.objects.bulk_create([_outcome(*each) for each in judged], batch_size=BATCH)
    PendingAttribution.objects.bulk_create(
        [
            PendingAttribution(trade_id=trade_id(trade.external_id, trade.revision), marked_at=NOW)
            for trade in trades
            if any(action.decision_ids for action in trade.actions)
        ],
        batch_size=BATCH,
    )
    DirtyGroup.objects.bulk_create(
        [DirtyGroup(module=m, pattern_key=k, action_category=c, marked_at=NOW) for m, k, c in groups]
    )


def _trade(trade: TradeValue) -> Trade:
    return Trade(
        id=trade_id(trade.external_id, trade.revision),
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


def _actions(trade: TradeValue) -> list[Action]:
    key = trade_id(trade.external_id, trade.revision)
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
            decision_ids=list(action.decision_ids),
            controls=action.controls,
            counterfactuals=action.counterfactuals,
            buckets=action.buckets,
        )
        for index, action in enumerate(trade.actions)
    ]


def _outcome(trade: TradeValue, outcome: Judged) -> Outcome:
    return Outcome(
        trade_id=trade_id(trade.external_id, trade.revision),
        action_index=outcome.action_index,
        module=outcome.module,
        pattern_key=outcome.pattern_key,
        action_category=outcome.action_category,
        book=trade.book,
        cluster_id=trade.cluster_id or "",
        scope=outcome.scope,
        rr=outcome.rr,
        closed_at=outcome.closed_at,
    )


def written() -> dict[str, int]:
    return {model._meta.model_name or "": model.objects.count() for model in MODELS}


def same_rows(trades: Sequence[TradeValue]) -> dict[str, int]:
    """Rows by table; refuses to compare two ways that do not write the same."""
    counts = []
    for write in (partial(record_trades, trades, now=NOW), partial(bulk_create, trades)):
        empty_tables()
        write()
        counts.append(written())
    if counts[0] != counts[1]:
        raise AssertionError(f"record_trades wrote {counts[0]}, bulk_create {counts[1]}")
    return counts[0]


def run(count: int = TRADES, rounds: int = 5) -> None:
    payloads = world(count * ACTIONS).payloads("bench", ACTIONS)
    trades = parsed(payloads)
    rows = same_rows(trades)
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
    figure("record", "copy_speedup_wall", bulk.wall / copy.wall, "x", against="bulk_create", bar=4, rows=rows, **of)
    figure("record", "copy_speedup_cpu", bulk.cpu / copy.cpu, "x", against="bulk_create", note="of this process", **of)
    for name, seconds in taken.items():
        figure("record", f"{name}_wall", seconds.wall, "s", cpu_s=round(seconds.cpu, 4), **of)
        figure("record", f"{name}_rate", count / seconds.wall, "trades/s", **of)
    empty_tables()


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
