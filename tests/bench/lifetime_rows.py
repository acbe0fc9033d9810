"""Simulated lives of a learner from its rows: correlations are measured as the builder measures them, not given.

`./dev bench lifetime_rows [--lives 30] [--trades 20000] [--only WORD]`. A life of two years has patterns on two sides,
scopes of three dimensions and a phase that changes every ten days; a day's shock lifts one side and sinks the other,
and may persist. As in the product, the first run takes in 60 days; correlations are measured anew every 30 days.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Bools, Floats
from learning.core.evidence_method.observations import Observations
from learning.core.lifetime.day_outcomes import (
    FEWEST_DAYS,
    Key,
    Standard,
    dependence_of,
    line_days,
    standardised,
    with_shares,
)
from learning.core.lifetime.e_process import DayDependence
from learning.core.lifetime.ledger import Ledger
from tests.bench.lifetime import ALPHA, DAYS, outcomes, report_nulls, shocks
from tests.bench.report import figure

BENCH = "lifetime_rows"
LIVES, TRADES, PATTERNS, VALUES, PHASE, SHOCK = 30, 20_000, 12, 4, 10, 0.6
MEASURED_EVERY, MOST_DIMENSIONS, NULL, EDGE, FIRST_SEED = 30, 2, 0.02, 0.1, 1000
DIMENSIONS = ("phase", "a", "b", "c")
STANDARD = Standard(3.0, 100.0)


@dataclass(frozen=True)
class World:
    """A kind of life: sd of a day's shock in sds of the noise, its persistence, and whether edges are planted."""

    name: str
    shock: float
    phi: float
    has_signal: bool = False


WORLDS = (
    World("no signal, independent", 0.0, 0.0),
    World("no signal, signed days", SHOCK, 0.0),
    World("no signal, signed days persist .5", SHOCK, 0.5),
    World("no signal, signed days persist .8", SHOCK, 0.8),
    World("signal, independent", 0.0, 0.0, has_signal=True),
    World("signal, signed days persist .5", SHOCK, 0.5, has_signal=True),
)


def rows_of(world: World, trades: int, seed: int, pool: Floats) -> tuple[Observations, Floats]:
    """Return the rows of a life and the planted edge `(rows,)` of each, in sds of the noise."""
    random = np.random.default_rng(seed)
    day = np.sort(random.uniform(0, DAYS, trades))
    pattern = random.integers(0, PATTERNS, trades)
    phases = random.integers(0, VALUES, DAYS // PHASE + 1)
    scope = random.integers(0, VALUES, (trades, 3))
    scope = np.column_stack([phases[day.astype(np.int64) // PHASE], scope]).astype(np.int32)
    edge = np.zeros(trades)
    if world.has_signal:
        for column in range(1, 4):
            planted = random.normal(0, 0.3, (PATTERNS, VALUES)) * (random.random((PATTERNS, VALUES)) < 0.2)
            edge += planted[pattern, scope[:, column]]
    side = np.where(pattern % 2, 1.0, -1.0)
    shock = world.shock * shocks(random, world.phi)[day.astype(np.int64)]
    outcome = edge + side * shock + pool[random.integers(0, len(pool), trades)]
    one = np.arange(trades)
    rows = Observations(day, day + 0.5, pattern, np.zeros(trades, dtype=np.int64), scope, outcome, one, one, DIMENSIONS)
    return rows, edge


def live(world: World, trades: int, seed: int, pool: Floats) -> tuple[Bools, Floats]:
    """Return which lines were ever published, and their true edges in sds."""
    made, planted = rows_of(world, trades, seed, pool)
    rows, share = with_shares(made)
    outcome = standardised(rows, share, STANDARD)
    found = line_days(rows, share, outcome, MOST_DIMENSIONS)
    ledger, dependence, whole = Ledger.of_new(len(found.lines)), DayDependence(0, 0), np.floor(rows.day)
    measured = -MEASURED_EVERY
    for day, at, n, total in found.by_day():
        if max(day, FEWEST_DAYS) >= measured + MEASURED_EVERY:
            measured = max(day, FEWEST_DAYS)
            known = whole < measured
            dependence = dependence_of(rows.take(known), share[known], outcome[known])
        if day < FEWEST_DAYS:  # taken in by the first run
            ledger.evidence.take_day(day, at, n, total, dependence)
            continue
        rate = (ledger.evidence.n + 1) / np.maximum(day - found.first + 1, 1)
        ledger.take_day(day, at, n, total, dependence=dependence, expected=np.maximum(rate * DAYS, 20), alpha=ALPHA)
    return ledger.times > 0, edges_of(made, planted, found.lines)


def edges_of(rows: Observations, planted: Floats, lines: list[Key]) -> Floats:
    """Return the mean of what was planted over the rows of each line, less that of all rows."""
    edge, means = planted - planted.mean(), []
    for pattern, _, scope in lines:
        inside = rows.pattern == pattern
        for column, value in enumerate(scope):
            if value >= 0:
                inside &= rows.scope[:, column] == value
        means.append(float(edge[inside].mean()))
    return np.array(means)


def run(lives: int = LIVES, trades: int = TRADES, only: str = "") -> None:
    """Print all figures."""
    pool = outcomes(np.random.default_rng(99))
    for world in WORLDS:
        if only in world.name:
            _report(world, [live(world, trades, FIRST_SEED + life, pool) for life in range(lives)], trades)


def _report(world: World, lives: Sequence[tuple[Bools, Floats]], trades: int) -> None:
    """Print the figures of lives: which lines were ever published, and their true edges."""
    nulls = [(np.abs(edge) < NULL, found) for found, edge in lives]
    report_nulls(BENCH, f"{world.name}: nulls of published", nulls, trades=trades)
    there = sum(int((np.abs(edge) >= EDGE).sum()) for _, edge in lives)
    if world.has_signal and there:
        found_of_them = sum(int((found & (np.abs(edge) >= EDGE)).sum()) for found, edge in lives)
        figure(BENCH, f"{world.name}: edges of .1 sd and more found", found_of_them / there, "share", trades=trades)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=LIVES)
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    run(given.lives, given.trades, given.only)


if __name__ == "__main__":
    main()
