"""Cells: the cost of building them, compared with PostgreSQL's GROUPING SETS, and of a refresh (`refresh`).

The full cube is `build_cubes` over all subsets of ten dimensions, 200 groups, n_min 10/20/30/50.

The comparison covers subsets of at most three dimensions, with one GROUPING SETS statement over the same integer codes
in an analysed table. Both sides compute n, mean and variance of every cell. Ours also dates its first and last close
and keeps the cells; the statement only returns their number and three sums, which are checked against ours. The
statement has no pruning: n_min would only filter what has been computed. Ours is timed with pruning (what the product
does) and without (the very same cells). PostgreSQL is timed with the plan it prefers, which hashes (once, because it
takes long and is far slower), and with hashing disabled, where it shares sorts between sets and is faster. Both have
enough memory not to touch the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np
from django.db import connection, transaction

from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cubes
from learning.core.cells.rows import Rows
from overrides.core.engine.definitions.parameters import LessonParameters
from tests.bench import refresh
from tests.bench.report import Seconds, figure, interleaved, scratch_database, timed
from tests.bench.worlds import CARDINALITIES, GROUPS, World, world

OUTCOMES = 100_000
ROUNDS = 2
SUBSET_SIZE = 3
BUDGET = 10_000_000  # cells

FULL = LessonParameters(cell_budget=BUDGET)
PRUNED = LessonParameters(cell_budget=BUDGET, max_subset_size=SUBSET_SIZE)
UNPRUNED = LessonParameters(cell_budget=BUDGET, max_subset_size=SUBSET_SIZE, n_min=(1, 1, 1, 1))

COLUMNS = [f"d{number}" for number in range(len(CARDINALITIES))]
SETS = [chosen for size in range(SUBSET_SIZE + 1) for chosen in combinations(COLUMNS, size)]
CREATE = f"CREATE TEMPORARY TABLE bench_outcome (g smallint, {' smallint, '.join(COLUMNS)} smallint, y float8)"
# Compiling the statement costs more than it saves.
SETTINGS = """
SET LOCAL work_mem = '1GB'; SET LOCAL hash_mem_multiplier = 4; SET LOCAL jit = off; SET LOCAL enable_hashagg = {hashing}
"""
GROUPING_SETS = f"""
SELECT count(*), sum(n)::float8, sum(mean), sum(variance)
FROM (
    SELECT g, {", ".join(COLUMNS)}, count(*) AS n, avg(y) AS mean, var_samp(y) AS variance
    FROM bench_outcome
    GROUP BY GROUPING SETS ({", ".join(f"({', '.join(('g', *chosen))})" for chosen in SETS)})
) AS cell
"""


def full_cube(groups: Sequence[Rows], rounds: int) -> None:
    built: list[list[Cells]] = []
    seconds = interleaved({"build": lambda: built.append(build_cubes(groups, FULL))}, rounds)["build"]
    figure(
        "cube", "full_cube_cpu", seconds.cpu, "s", bar=3, wall_s=round(seconds.wall, 3), rounds=rounds,
        outcomes=sum(map(len, groups)), dimensions=len(COLUMNS), groups=GROUPS, cells=sum(map(len, built[0])),
    )  # fmt: skip


def against_grouping_sets(everything: World, rounds: int) -> None:
    groups = everything.rows()
    fill(everything)
    found: dict[str, tuple[float, ...]] = {}

    def build(name: str, parameters: LessonParameters) -> None:
        found[name] = sums(build_cubes(groups, parameters))

    def select(name: str, hashing: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SETTINGS.format(hashing=hashing))
            cursor.execute(GROUPING_SETS)
            found[name] = cursor.fetchone()

    ours = {"pruned": partial(build, "pruned", PRUNED), "unpruned": partial(build, "unpruned", UNPRUNED)}
    taken = interleaved(ours | {"sorted": partial(select, "sorted", "off")}, rounds)
    taken["hashed"] = timed(partial(select, "hashed", "on"))
    for plan in ("sorted", "hashed"):
        if not np.allclose(found["unpruned"], found[plan]):
            raise AssertionError(f"cells, or sums of n, mean and variance, differ: {found}")
    _report(taken, {name: int(sums[0]) for name, sums in found.items()}, outcomes=len(everything), rounds=rounds)


def _report(taken: dict[str, Seconds], cells: dict[str, int], **context: object) -> None:
    for name, seconds in taken.items():
        cpu = {} if name in ("sorted", "hashed") else {"cpu_s": round(seconds.cpu, 3)}
        figure("cube", f"subsets_{name}_wall", seconds.wall, "s", cells=cells[name], **cpu, **context)
    for name, bar in (("pruned", {"bar": 15}), ("unpruned", {})):
        for plan in ("sorted", "hashed"):
            against = f"PostgreSQL GROUPING SETS, {plan}"
            ratio = taken[plan].wall / taken[name].wall
            figure("cube", f"subsets_{name}_speedup_wall", ratio, "x", against=against, **bar, **context)


def sums(groups: Sequence[Cells]) -> tuple[float, ...]:
    """Return the number of cells, and the sums of n, mean and variance."""
    columns = [(len(cells), cells.n.sum(), cells.mean.sum(), cells.variance.sum()) for cells in groups]
    return tuple(float(total) for total in np.sum(columns, axis=0))


def fill(everything: World) -> None:
    """Write the world to a temporary table: integer codes, no index and no log, which favours the statement."""
    columns = (everything.group, *everything.codes.T, everything.outcomes)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS bench_outcome; {CREATE}")
        with cursor.copy("COPY bench_outcome FROM STDIN") as copy:
            for row in zip(*(column.tolist() for column in columns), strict=True):
                copy.write_row(row)
        cursor.execute("ANALYZE bench_outcome")


def run(outcomes: int = OUTCOMES, rounds: int = ROUNDS, new_trades: int = refresh.NEW_TRADES) -> None:
    everything = world(outcomes)
    full_cube(everything.rows(), rounds)
    against_grouping_sets(everything, rounds)
    refresh.run(outcomes, rounds, new_trades)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
