"""What one changed line costs to publish over a large version: a request drafted, approved and applied."""

from __future__ import annotations

import sys
from functools import partial
from statistics import median

from tests.bench.pages import fill
from tests.bench.report import figure, scratch_database, timed
from tests.builders import make_spec, publish

OVERRIDES = 100_000
ROUNDS = 3
PATTERN = "strategy1.long.entry"  # of a world's own, so that others are at the key too


def run(overrides: int = OVERRIDES, rounds: int = ROUNDS) -> None:
    fill(overrides, decisions=0, trades=1, audited=0)
    targets = [1 + 0.01 * (number + 1) for number in range(rounds)]
    specs = [make_spec({"size_mult": target}, pattern_key=PATTERN) for target in targets]
    taken = [timed(partial(publish, spec)) for spec in specs]

    of = {"overrides": overrides, "rounds": rounds}
    figure("publish", "one_line_wall", median(each.wall for each in taken), "s", **of)
    figure("publish", "one_line_cpu", median(each.cpu for each in taken), "s", **of)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
