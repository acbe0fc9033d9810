"""One group of many rows under the plan method: its cells, its lessons with half-life and tuning, and memory.

    ./dev bench build_plan --rows 100000 1000000 --seed 0

Every row is a trade of one entry over the eight learned dimensions. One scope in ten has an edge of 1 R, so that
lessons act and are followed through the facts.
"""

from __future__ import annotations

import argparse
import resource

import numpy as np

from learning.core.cells.baseline import baseline_of
from learning.core.cells.cube import build_cube
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import BuilderRun, Cell, Lesson
from learning.readers.category_columns import load_category
from learning.readers.group_columns import PatternGroup, load_group
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters
from tests.bench.build_evidence import Row, write
from tests.bench.report import figure, scratch_database, timed
from tests.bench.worlds import NOW, world

BENCH = "build_plan"
GROUP = PatternGroup("pm", "bench.group.signal", "entry")
PLAN = LessonParameters()


def one_group(count: int, seed: int) -> list[Row]:
    """Return the rows of a world as one group, in which the first value of the first two dimensions earns 1 R more."""
    made = world(count, seed)
    earns = (made.codes[:, :2] == 0).all(axis=1)
    outcomes = (made.outcomes + np.where(earns, 1.0, 0.0)).tolist()
    learned = LEARNED_DIMENSIONS["pm"]
    return [
        (
            GROUP.pattern_key,
            GROUP.action_category,
            {name: value for name, value in made.scope(row).items() if name in learned},
            outcomes[row],
            int(made.closed_at[row]),
        )
        for row in range(count)
    ]


def run(count: int, seed: int = 0) -> None:
    write(one_group(count, seed))
    parameters = ModuleParameters.default("pm")
    loaded = [load_group(GROUP, parameters.learned_from, NOW)]
    taken = {
        "load": timed(lambda: load_group(GROUP, parameters.learned_from, NOW)),
        "cube": timed(lambda: build_cube(loaded[0].rows, PLAN)),
    }
    taken["baseline"] = timed(lambda: baseline_of([load_category("pm", "entry", parameters.learned_from, NOW)]))
    loaded.clear()
    taken["aggregate"] = timed(lambda: aggregate_dirty(now=NOW))
    taken["build"] = timed(lambda: build_lessons(module="pm", now=NOW))
    for name, seconds in taken.items():
        figure(BENCH, name, seconds.wall, "s", cpu=round(seconds.cpu, 3), rows=count)
    figure(BENCH, "peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GB", rows=count)
    figure(BENCH, "cells", Cell.objects.count(), "", rows=count)
    figure(BENCH, "candidates", BuilderRun.objects.get().n_candidates, "", rows=count)
    figure(BENCH, "active lessons", Lesson.objects.filter(status=Lesson.Status.ACTIVE).count(), "", rows=count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench build_plan", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with scratch_database():
        for count in chosen.rows:
            run(count, chosen.seed)


if __name__ == "__main__":
    main()
