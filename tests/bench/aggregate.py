"""The cost of new facts in cells, and of cells themselves next to polars and PostgreSQL.

    ./dev bench aggregate --rows 100000 1000000 --peers

*One trade* is recorded into a group of 10,000 and of 100,000 outcomes with the eight dimensions that pm learns from,
and aggregated: CPU seconds of this process (the worker) and, apart, of its PostgreSQL backend, bytes of the write-ahead
log, and cells written, as medians over trades. A full count of the same group in the same run is the comparison. After
a checkpoint PostgreSQL logs each page as a whole when it first changes, so that case is reported apart.

*The catch-up* has twenty groups that together pass the cell budget, each of them within it.

*The cube* is compared with polars on the same cells (n >= n_min, one thread each, medians of interleaved rounds): up to
two and three dimensions, and all, which is what the product builds. Polars is installed into an environment of its own.
PostgreSQL's GROUPING SETS are those of `tests/bench/cube.py`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from devkit import state
from django.db import connection

from learning.core.cells.cube import build_cube
from learning.lessons.aggregate import aggregate_dirty, aggregate_group, changed_groups
from learning.models import Cell, CellGroup
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters
from telemetry.models import DirtyGroup
from telemetry.recording.record_trades import record_trades
from tests.bench import cube, refresh
from tests.bench.polars_cubes import against_polars
from tests.bench.report import figure, scratch_database, timed
from tests.bench.worlds import DIMENSIONS, NOW, group_name, world

BENCH = "aggregate"
SIZES = (10_000, 100_000)
TRADES = 10  # in each of the two cases
CATCH_UP_GROUPS = 20
TICKS = os.sysconf("SC_CLK_TCK")
WORKER_BAR, LOG_BAR = 0.1, 1e6  # of one trade in 100,000 rows
NAMES = ("module", "pattern_key", "action_category")


@dataclass(frozen=True)
class Cost:
    """CPU seconds of this process and of its backend, bytes of the log, and cells written."""

    worker: float
    backend: float
    log: float
    cells: float


def cost(work: Callable[[], object]) -> Cost:
    before = _backend_cpu(), _log_position(), _cells_written()
    seconds = timed(work)
    after = _backend_cpu(), _log_position(), _cells_written()
    return Cost(seconds.cpu, *(late - early for late, early in zip(after, before, strict=True)))


def one_trade(outcomes: int, trades: int = TRADES) -> None:
    """Report the cost of one trade in a group of so many outcomes, and that of counting the group as a whole."""
    forget()
    refresh.store(world(outcomes, groups=[0]))
    count_all(0)
    full = cost(lambda: count_all(0))
    statement("VACUUM ANALYZE")
    taken: dict[str, list[Cost]] = {"full_count": [full], "one_trade": [], "one_trade_after_checkpoint": []}
    new = world(2 * trades, seed=outcomes, groups=[0]).trades(f"new-{outcomes}")
    for number, trade in enumerate(new):
        record_trades([trade], now=NOW)
        if number % 2:
            statement("CHECKPOINT")
        name = "one_trade_after_checkpoint" if number % 2 else "one_trade"
        taken[name].append(cost(lambda: aggregate_dirty(now=NOW)))
    bars = (WORKER_BAR, LOG_BAR) if outcomes == SIZES[-1] else (None, None)
    for name, costs in taken.items():
        worker_bar, log_bar = bars if name != "full_count" else (None, None)
        of = {"rows": outcomes, "measured": len(costs)}
        figure(BENCH, f"{name}_worker_cpu", _median(costs, "worker"), "s", **_bar(worker_bar), **of)
        figure(BENCH, f"{name}_backend_cpu", sum(each.backend for each in costs) / len(costs), "s", **of)
        figure(BENCH, f"{name}_log", _median(costs, "log"), "bytes", **_bar(log_bar), **of)
        figure(BENCH, f"{name}_cells_written", _median(costs, "cells"), "cells", **of)


def catch_up(rows: int) -> None:
    """Report how many groups that together pass the budget are done in one run, and in how many transactions."""
    forget()
    groups = range(CATCH_UP_GROUPS)
    everything = world(rows * CATCH_UP_GROUPS, groups=groups)
    learned = [place for place, name in enumerate(DIMENSIONS) if name in LEARNED_DIMENSIONS["pm"]]
    held = [replace(each, codes=each.codes[:, learned]) for each in everything.rows() if len(each)]
    sizes = [len(build_cube(each, LessonParameters())) for each in held]
    refresh.store(everything)
    parameters = replace(ModuleParameters.default("pm"), lessons=LessonParameters(cell_budget=max(sizes)))
    for number in groups:
        mark(number)
    taken = cost(lambda: [aggregate_group(each, parameters, now=NOW) for each in changed_groups(parameters)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT xmin::text), sum(n_cells) FROM learning_cellgroup")
        done, commits, cells = cursor.fetchone()
    of = {"budget": max(sizes), "cells": int(cells), "rows": rows * CATCH_UP_GROUPS}
    if sum(sizes) <= max(sizes):
        raise AssertionError(f"the groups fit the budget together: {of}")
    figure(BENCH, "catch_up_groups_done", done, "groups", bar=CATCH_UP_GROUPS, **of)
    figure(BENCH, "catch_up_commits", commits, "transactions", bar=CATCH_UP_GROUPS, **of)
    figure(BENCH, "catch_up_worker_cpu", taken.worker, "s", **of)


def forget() -> None:
    """Empty the tables of facts and cells."""
    statement("TRUNCATE telemetry_trade, telemetry_dirtygroup, learning_cellgroup CASCADE")


def mark(number: int) -> None:
    """Mark a group without naming trades, which has it counted as a whole."""
    DirtyGroup.objects.create(**dict(zip(NAMES, group_name(number), strict=True)), marked_at=NOW)


def count_all(number: int) -> None:
    mark(number)
    aggregate_dirty(now=NOW)


def statement(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def _bar(bar: float | None) -> dict[str, float]:
    return {} if bar is None else {"bar": bar}


def _median(costs: list[Cost], name: str) -> float:
    return float(median(getattr(each, name) for each in costs))


def _log_position() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return float(cursor.fetchone()[0])


def _cells_written() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = %s", [Cell._meta.db_table]
        )
        return float(cursor.fetchone()[0])


def _backend_cpu() -> float:
    """Return the CPU seconds that the backend of this connection has spent, in ticks of a hundredth."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        fields = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(sizes: tuple[int, ...] = SIZES, trades: int = TRADES, rows: int = 3_000) -> None:
    """Measure one trade and the catch-up."""
    for outcomes in sizes:
        one_trade(outcomes, trades)
    catch_up(rows)
    if CellGroup.objects.count() != CATCH_UP_GROUPS:
        raise AssertionError("a group of the catch-up is missing")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench aggregate", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000], help="outcomes of the compared cubes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="install polars, if needed, and compare with it")
    parser.add_argument("--environment", type=Path, default=state.HOME / "polars", help="that of polars")
    parser.add_argument("--cubes-only", action="store_true", help="compare cubes, without one trade and the catch-up")
    chosen = parser.parse_args()
    with scratch_database():
        if not chosen.cubes_only:
            run()
        for rows in chosen.rows:
            everything = world(rows)
            if chosen.peers:
                against_polars(everything, chosen.rounds, chosen.environment)
            cube.against_grouping_sets(everything, chosen.rounds)


if __name__ == "__main__":
    main()
