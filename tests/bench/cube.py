"""Cells: what building them costs, against PostgreSQL's GROUPING SETS, and what a refresh costs against a full build.

1. `build_cubes` over all subsets of ten dimensions, 200 groups, n_min 10/20/30/50.
2. The same over subsets of at most three dimensions, against one GROUPING SETS statement over the same integer codes
   in an analysed table. Both make n, mean and variance of every cell; ours also dates its first and last close. Compared
   are our pruned cells, and our cells of any n, with the one statement, which knows no pruning: it makes them all.
   The statement hands back their number and the sum of their means, which must be ours too, not the cells themselves.
3. `aggregate_dirty`, facts to stored cells through the database, for 1,000 new trades in 5 groups against all groups.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np
from django.db import connection

from learning.aggregate import aggregate_dirty
from learning.core.cells import Cells
from learning.core.cube import build_cubes
from learning.core.rows import Rows
from overrides.core.parameters import LessonParameters
from telemetry.models import DirtyGroup
from telemetry.record import record_trades
from tests.bench.report import Seconds, figure, interleaved, scratch_database, timed
from tests.bench.worlds import CARDINALITIES, GROUPS, NOW, World, group_name, world

OUTCOMES = 100_000
SUBSET_SIZE = 3
NEW_TRADES = 1_000
BATCH = 10_000  # trades recorded in one go
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the groups, largest first: where the five typical ones stand

PRUNED = LessonParameters(cell_budget=10_000_000)
SMALL_PRUNED = LessonParameters(cell_budget=10_000_000, max_subset_size=SUBSET_SIZE)
SMALL = LessonParameters(cell_budget=10_000_000, max_subset_size=SUBSET_SIZE, n_min=(1, 1, 1, 1))

COLUMNS = [f"d{number}" for number in range(len(CARDINALITIES))]
SETS = [chosen for size in range(SUBSET_SIZE + 1) for chosen in combinations(COLUMNS, size)]
CREATE = f"CREATE UNLOGGED TABLE bench_outcome (g smallint, {' smallint, '.join(COLUMNS)} smallint, y float8)"
# Memory enough to hash every set at once; compiling the statement would cost more than it saves.
SETTINGS = "SET work_mem = '1GB'; SET hash_mem_multiplier = 4; SET jit = off"
GROUPING_SETS = f"""
SELECT count(*), sum(mean)
FROM (
    SELECT g, {", ".join(COLUMNS)}, count(*) AS n, avg(y) AS mean, var_samp(y) AS variance
    FROM bench_outcome
    GROUP BY GROUPING SETS ({", ".join(f"({', '.join(('g', *chosen))})" for chosen in SETS)})
    OFFSET 0
) AS cell
"""


def full_cube(groups: Sequence[Rows], rounds: int) -> None:
    cells: list[Cells] = []

    def build() -> None:
        cells[:] = build_cubes(groups, PRUNED)

    seconds = interleaved({"build": build}, rounds)["build"]
    figure(
        "cube", "full_cube_cpu", seconds.cpu, "s", bar=3, wall_s=round(seconds.wall, 3), rounds=rounds,
        outcomes=sum(map(len, groups)), dimensions=len(COLUMNS), groups=GROUPS, cells=sum(map(len, cells)),
    )  # fmt: skip


def against_grouping_sets(everything: World, rounds: int) -> None:
    groups = everything.rows()
    _fill(everything)
    found: dict[str, tuple[int, float]] = {}

    def build(name: str, parameters: LessonParameters) -> None:
        cells = build_cubes(groups, parameters)
        found[name] = sum(map(len, cells)), float(sum(each.mean.sum() for each in cells))

    def select() -> None:
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
            cursor.execute(GROUPING_SETS)
            found["grouping_sets"] = cursor.fetchone()

    taken = interleaved(
        {"pruned": partial(build, "pruned", SMALL_PRUNED), "unpruned": partial(build, "unpruned", SMALL), "grouping_sets": select},
        rounds,
    )
    if found["unpruned"][0] != found["grouping_sets"][0] or not np.allclose(found["unpruned"][1], found["grouping_sets"][1]):
        raise AssertionError(f"cells and sum of means differ: {found}")
    statement = taken["grouping_sets"]
    of = {"against": "PostgreSQL GROUPING SETS, wall", "rounds": rounds, "outcomes": len(everything), "subsets": len(SETS)}
    for name, bar in (("pruned", 15), ("unpruned", None)):
        ours = taken[name]
        figure(
            "cube", f"{name}_speedup", statement.wall / ours.wall, "x", bar=bar, cells=found[name][0],
            wall_s=round(ours.wall, 3), cpu_s=round(ours.cpu, 3), **of,
        )  # fmt: skip
    figure("cube", "grouping_sets_wall", statement.wall, "s", cells=found["grouping_sets"][0], rounds=rounds)


def _fill(everything: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_outcome")
        cursor.execute(CREATE)
        rows = zip(everything.group.tolist(), *everything.codes.T.tolist(), everything.outcomes.tolist(), strict=True)
        with cursor.copy("COPY bench_outcome FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("ANALYZE bench_outcome")


def refresh(everything: World, new_trades: int, rounds: int) -> None:
    _record(everything, "base")
    build = timed(partial(aggregate_dirty, now=NOW))
    ranked = everything.by_size
    chosen = {
        "typical": [ranked[int(quantile * GROUPS)] for quantile in QUANTILES],
        "worst": ranked[: len(QUANTILES)],
    }
    taken: dict[str, list[Seconds]] = {name: [] for name in chosen}


def _record(rows: World, prefix: str) -> None:
    trades = rows.trades(prefix)
    for start in range(0, len(trades), BATCH):
        record_trades(trades[start : start + BATCH], now=NOW)
