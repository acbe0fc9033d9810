"""The cost of new trades in a few groups: `aggregate_dirty`, from facts to cells in the database.

A thousand new trades fall into five of 200 groups, which are counted as wholes, as after a change of parameters. This
is compared with counting all 200 by the same verb (`./dev bench aggregate` measures what one named trade costs).
*typical*: the groups at 10, 30, 50, 70 and 90 % of the ranking by size. *worst*: the five largest, to which Zipf's law
gives half of all trades. Marking the groups dirty is part of every figure.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from learning.lessons.aggregate import aggregate_dirty
from learning.models import Cell
from learning.readers.group_columns import moment_from_microseconds
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import DirtyGroup, Outcome, Trade
from telemetry.recording.rank_books import OUTCOME_COLUMNS
from telemetry.recording.record_trades import TRADE_COLUMNS, record_trades, trade_id
from tests.bench.report import figure, interleaved, scratch_database
from tests.bench.worlds import GROUPS, NOW, World, group_name, world

OUTCOMES = 100_000
ROUNDS = 2
NEW_TRADES = 1_000
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)


def store(everything: World) -> None:
    """Write the rows as trades of one action straight to the two tables; parsing would take longer than the rest."""
    trades, outcomes = [], []
    columns = (everything.group, everything.outcomes, everything.closed_at)
    for row, (group, rr, closed_at) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        name, at = f"stored-{row}", moment_from_microseconds(closed_at)
        key = trade_id(name, 1)
        trades.append((key, name, 1, "", True, "", "paper", "", "COIN/USDT", *[""] * 5, at, at, rr, b"", NOW))
        outcomes.append((key, 0, *group_name(group), "paper", "", fact_json(everything.scope(row)), rr, at, at, ""))
    copy_rows(Trade, TRADE_COLUMNS, trades)
    copy_rows(Outcome, OUTCOME_COLUMNS, outcomes)


def rebuild(groups: Sequence[int]) -> None:
    marks = [group_name(number) for number in groups]
    DirtyGroup.objects.bulk_create(
        DirtyGroup(module=m, pattern_key=k, action_category=c, marked_at=NOW) for m, k, c in marks
    )
    rebuilt = aggregate_dirty(now=NOW)
    if rebuilt != len(groups):
        raise AssertionError(f"{rebuilt} groups rebuilt, {len(groups)} were to be")


def run(outcomes: int = OUTCOMES, rounds: int = ROUNDS, new_trades: int = NEW_TRADES) -> None:
    everything = world(outcomes)
    store(everything)
    rebuild(range(GROUPS))
    ranked = everything.by_size
    chosen = {
        "typical": [ranked[int(quantile * GROUPS)] for quantile in QUANTILES],
        "worst": ranked[: len(QUANTILES)],
    }
    for name, groups in chosen.items():
        record_trades(world(new_trades, groups=groups).trades(name), now=NOW)
    aggregate_dirty(now=NOW)  # clears the marks of all ten groups
    works = {name: partial(rebuild, groups) for name, groups in chosen.items()}
    taken = interleaved(works | {"full": partial(rebuild, range(GROUPS))}, rounds)

    of = {"outcomes": outcomes, "new_trades": new_trades, "rounds": rounds}
    for name, seconds in taken.items():
        figure("cube", f"refresh_{name}_wall", seconds.wall, "s", cpu_s=round(seconds.cpu, 3), **of)
    for name, bar in (("typical", {"bar": 5}), ("worst", {})):
        share = 100 * taken[name].wall / taken["full"].wall
        figure("cube", f"refresh_{name}_share", share, "%", against=f"all {GROUPS} groups", **bar, **of)
    figure("cube", "cells_stored", Cell.objects.count(), "cells", **of)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
