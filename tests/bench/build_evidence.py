"""Building lessons of the evidence method from rows: reading facts, fitting, storing the results, and memory.

    ./dev bench build_evidence --simulator PATH --trades 20000 200000 --seed 0
    ./dev bench build_evidence --trades 20000 --values 5000     a dimension of 5,000 values
    ./dev bench build_evidence --trades 1000000 --groups 1      one group of a million rows

The trades of the simulator (`tests.bench.simulator`) are written as facts; without one those of `tests.bench.worlds`,
which have no edge.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from learning.core.cells.rows import DAY
from learning.lessons.build import build_lessons
from learning.lessons.build_evidence import learn_module
from learning.models import BuilderRun, Lesson
from learning.readers.group_columns import moment_from_microseconds, since_epoch
from learning.readers.observations import load_observations
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.core.vocabulary import CATEGORIES, Module
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.models import Action, Outcome, Trade
from tests.bench.report import figure, scratch_database, timed
from tests.bench.simulator import END, Log, Simulator
from tests.bench.worlds import DIMENSIONS, NOW, group_name, world

BENCH = "build_evidence"
TRADE_COLUMNS = (
    "id", "external_id", "revision", "correction_reason", "is_current", "excluded_reason", "book", "source", "symbol",
    "side", "timeframe", "cluster_id", "opened_at", "closed_at", "rr", "digest", "recorded_at",
)  # fmt: skip
ACTION_COLUMNS = (
    "trade_id", "index", "module", "pattern_key", "action_category", "at", "scope", "decision_ids", "controls",
    "counterfactuals", "buckets", "replays", "taken_arms",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "trade_id", "action_index", "module", "pattern_key", "action_category", "book", "cluster_id", "scope", "rr",
    "closed_at", "known_at",
)  # fmt: skip
OPEN_FOR = timedelta(hours=30)
Row = tuple[str, str, dict[str, str], float, int]  # pattern, category, scope, rr, close


def simulated(simulator: Simulator, trades: int, seed: int, drift: str) -> Iterator[Row]:
    log = Log.draw(simulator.world(seed, drift), trades, seed)
    names, categories = DIMENSIONS[: log.scope.shape[1]], [str(each) for each in CATEGORIES[Module.PM]]
    start = since_epoch(NOW - timedelta(days=END))
    columns = (log.pattern, log.category, log.scope, log.outcome, log.day)
    for pattern, category, codes, rr, day in zip(*(column.tolist() for column in columns), strict=True):
        scope = {name: f"value{code}" for name, code in zip(names, codes, strict=True)}
        yield f"sim.pattern{pattern}.signal", categories[category], scope, rr, start + int(day * DAY)


def synthetic(trades: int, seed: int, groups: int | None, values: int | None) -> Iterator[Row]:
    made = world(trades, seed, None if groups is None else range(groups))
    for row in range(trades):
        _, pattern, category = group_name(int(made.group[row]))
        scope = made.scope(row) | ({} if values is None else {"bucket": f"value{row % values}"})
        yield pattern, category, scope, float(made.outcomes[row]), int(made.closed_at[row])


def write(rows: list[Row]) -> None:
    """Write facts as they are once recorded: one trade with one judged action per row."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE telemetry_trade, learning_lessons, learning_builder_runs CASCADE")
    copy_rows(Trade, TRADE_COLUMNS, (_trade(number, row) for number, row in enumerate(rows)))
    copy_rows(Action, ACTION_COLUMNS, (_action(number, row) for number, row in enumerate(rows)))
    copy_rows(Outcome, OUTCOME_COLUMNS, (_outcome(number, row) for number, row in enumerate(rows)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE telemetry_action, telemetry_outcome")


def _trade(number: int, row: Row) -> tuple[Any, ...]:
    closed_at = moment_from_microseconds(row[4])
    name = f"bench-{number}"
    symbol = f"COIN{number % 97}/USDT"
    return (
        UUID(int=number), name, 1, "", True, "", "paper", "bench", symbol, "long", "1h", "",
        closed_at - OPEN_FOR, closed_at, row[3], name.encode(), NOW,
    )  # fmt: skip


def _action(number: int, row: Row) -> tuple[Any, ...]:
    pattern, category, scope, _, closed_at = row
    at = moment_from_microseconds(closed_at) - OPEN_FOR
    return UUID(int=number), 0, "pm", pattern, category, at, json.dumps(scope), *["{}"] * 6


def _outcome(number: int, row: Row) -> tuple[Any, ...]:
    pattern, category, scope, rr, closed_at = row
    return (
        UUID(int=number),
        0,
        "pm",
        pattern,
        category,
        "paper",
        "",
        json.dumps(scope),
        rr,
        moment_from_microseconds(closed_at),
        moment_from_microseconds(closed_at),
    )


def measure(rows: list[Row], **context: Any) -> None:
    write(rows)
    parameters = ModuleParameters.default("pm")
    loaded = [load_observations("pm", parameters.learned_from, NOW)]
    taken = {
        "load": timed(lambda: load_observations("pm", parameters.learned_from, NOW)),
        "fit and fold": timed(lambda: learn_module(loaded[0], "pm", parameters, NOW)),
    }
    loaded.clear()
    taken["build"] = timed(lambda: build_lessons(module="pm", policy=LearningMethod.EVIDENCE, now=NOW))
    for name, seconds in taken.items():
        figure(BENCH, name, seconds.wall, "s", cpu=round(seconds.cpu, 3), trades=len(rows), **context)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figure(BENCH, "peak memory", peak, "GB", trades=len(rows), bar="< 1", **context)
    run = BuilderRun.objects.get()
    lessons = list(Lesson.objects.values_list("status", "stats"))
    found = {
        "effects": run.n_cells,
        "overrides": run.n_candidates,
        "active": run.n_active,
        "verified": sum(stats["verified"] for _, stats in lessons),
        "too light": sum(status == Lesson.Status.TOO_LIGHT for status, _ in lessons),
        "capped": sum(stats["capped"] for _, stats in lessons),
    }
    for name, count in found.items():
        figure(BENCH, name, count, "", trades=len(rows), **context)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench build_evidence", description=__doc__)
    parser.add_argument("--simulator", type=Path)
    parser.add_argument("--trades", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drift", default="mild")
    parser.add_argument("--groups", type=int, help="spread evenly over so many, without a simulator")
    parser.add_argument("--values", type=int, help="of one dimension, without a simulator")
    chosen = parser.parse_args()
    with scratch_database():
        for trades in chosen.trades:
            if chosen.simulator is None:
                rows = list(synthetic(trades, chosen.seed, chosen.groups, chosen.values))
            else:
                rows = list(simulated(Simulator.load(chosen.simulator), trades, chosen.seed, chosen.drift))
            measure(rows, seed=chosen.seed)


if __name__ == "__main__":
    main()
