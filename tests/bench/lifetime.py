"""Simulated lives of a learner: how many of the lines it ever published have no edge, and how many edges it finds.

`./dev bench lifetime [--lives 60] [--lines 1000] [--only WORD]`. Compared is the rule of one run, remembered: a local
false sign rate of at most .05 under a mixture that is learned every week. Outcomes are skewed t (df 4), in sds; a day's
shock lifts one side and sinks the other, and may persist. Nested cells follow in worlds of their own.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints
from learning.core.evidence_method.mixture import local_false_sign_rates, responsibilities
from learning.core.lifetime.e_process import DayDependence, Evidence
from learning.core.lifetime.ledger import Ledger
from tests.bench.report import figure

BENCH = "lifetime"
DAYS, LINES, LIVES, ALPHA = 730, 1000, 60, 0.10
SD = 1.2  # R, of outcomes as clipped; 1.3 before
GRID = np.square(np.array([0.0, 0.05, 0.1, 0.2, 0.4, 0.8]))
BURST = 3  # trades that come together


@dataclass(frozen=True)
class World:
    """A kind of life: share of lines without an edge, edge in R, trades a year, correlation of days, persistence.

    `spread` is how far a line's rate lies from `rate`, as a share of it.
    """

    name: str
    null: float
    edge: float = 0.3
    rate: float = 200.0
    icc: float = 0.0
    phi: float = 0.0
    spread: float = 0.0

    @property
    def dependence(self) -> DayDependence:
        """What the ledger is given: the truth, or 1.5 times the correlation where days persist."""
        return DayDependence(self.icc * (1.5 if self.phi else 1.0), self.phi)


WORLDS = (
    World("null .8", 0.8),
    World("null .95", 0.95),
    World("null .995", 0.995),
    World("no signal", 1.0),
    World("null .8, 60 trades", 0.8, edge=0.5, rate=60),
    World("null .95, 60 trades", 0.95, edge=0.5, rate=60),
    World("null .8, 25 trades", 0.8, edge=0.5, rate=25),
    World("null .8, 10 to 40 trades", 0.8, edge=0.5, rate=25, spread=0.6),
    World("null .95, signed days", 0.95, edge=0.5, icc=0.2),
    World("null .8, signed days persist", 0.8, edge=0.5, icc=0.2, phi=0.5),
    World("null .95, signed days persist", 0.95, edge=0.5, icc=0.2, phi=0.5),
    World("no signal, signed days", 1.0, icc=0.2),
    World("no signal, signed days persist", 1.0, icc=0.2, phi=0.5),
)


def outcomes(random: np.random.Generator, size: int = 500_000) -> Floats:
    """Return a pool of outcomes in sds of their clipped distribution: skewed t, clipped at 3 sds, mean 0, sd 1."""
    draw = random.standard_t(4, size)
    draw = np.where(draw > 0, 1.3 * draw, draw / 1.3)
    draw = (draw - draw.mean()) / draw.std()
    draw = np.clip(draw, -3, 3)
    pool: Floats = (draw - draw.mean()) / draw.std()
    return pool


def shocks(random: np.random.Generator, phi: float) -> Floats:
    """Return the shock of each day, of variance 1."""
    noise = random.normal(size=DAYS)
    found = noise.copy()
    for day in range(1, DAYS):
        found[day] = phi * found[day - 1] + math.sqrt(1 - phi * phi) * noise[day]
    return found


Day = tuple[int, Ints, Floats, Floats]


@dataclass(frozen=True, eq=False)
class Life:
    """What happens on the days of a life: lines, counts and sums; the true edge of each line in sds."""

    edge: Floats
    expected: Floats
    days: list[Day]


def flat_life(world: World, lines: int, seed: int, pool: Floats) -> Life:
    """Return a life of lines that do not overlap; half are there on day 0, the others arrive up to day 500."""
    random = np.random.default_rng(seed)
    has_edge = random.permutation(lines) < round(lines * (1 - world.null))
    edge = np.where(has_edge, random.choice([-1.0, 1.0], lines) * world.edge / SD, 0.0)
    start = np.where(np.arange(lines) < lines // 2, 0, random.integers(1, 500, lines))
    rate = world.rate * (1 + world.spread * random.uniform(-1, 1, lines))
    side, shock, days = random.choice([-1.0, 1.0], lines), shocks(random, world.phi), []
    for day in range(DAYS):
        bursts = random.poisson(rate / 365 / BURST, lines) * (start <= day)
        at = np.flatnonzero(bursts)
        n = BURST * bursts[at]
        own = pool[random.integers(0, len(pool), int(n.sum()))]
        noise = np.bincount(np.repeat(np.arange(len(at)), n), own, len(at))
        common = math.sqrt(world.icc) * side[at] * shock[day]
        total = n * (edge[at] + common) + math.sqrt(1 - world.icc) * noise
        days.append((day, at, n.astype(np.float64), total))
    return Life(edge, rate * (DAYS - start) / 365, days)


def nested_life(trades: int, has_signal: bool, seed: int, pool: Floats) -> Life:
    """Return a life of 6 patterns with 28 cells of one dimension and 336 of two; effects of mixed, mostly small size.

    The edge of a cell is the mean of everything planted over its own trades.
    """
    random, patterns, dims, values = np.random.default_rng(seed), 6, 7, 4
    rows = patterns * trades
    pattern, scope = np.repeat(np.arange(patterns), trades), random.integers(0, values, (rows, dims))
    day = random.integers(0, DAYS, rows)
    keys = [(pattern * dims + one) * values + scope[:, one] for one in range(dims)]
    base = patterns * dims * values
    pairs = [(one, two) for one in range(dims) for two in range(one)]
    for number, (one, two) in enumerate(pairs):
        cell = (pattern * len(pairs) + number) * values + scope[:, one]
        keys.append(base + cell * values + scope[:, two])
    cells = base + patterns * len(pairs) * values * values
    chance = np.where(np.arange(cells) < base, 0.15, 0.02) * has_signal
    planted = random.normal(0, 0.3 / SD, cells) * (random.random(cells) < chance)
    truth = np.sum([planted[key] for key in keys], axis=0)
    for one in range(patterns):
        truth[pattern == one] -= truth[pattern == one].mean()
    outcome = truth + pool[random.integers(0, len(pool), rows)]
    key = np.concatenate(keys)
    n = np.bincount(key, minlength=cells)
    edge = np.bincount(key, np.tile(truth, len(keys)), cells) / np.maximum(n, 1)
    both = np.tile(day, len(keys)) * cells + key
    found, place, count = np.unique(both, return_inverse=True, return_counts=True)
    total: Floats = np.bincount(place, np.tile(outcome, len(keys))).astype(np.float64)
    ends = np.searchsorted(found // cells, np.arange(DAYS + 1))
    slices = [slice(ends[d], ends[d + 1]) for d in range(DAYS)]
    days = [(d, found[s] % cells, count[s].astype(np.float64), total[s]) for d, s in enumerate(slices)]
    return Life(edge, np.maximum(n, 1.0), days)


@dataclass(frozen=True, eq=False)
class Lived:
    """Which lines were ever published, by the ledger and by the rule of one run."""

    ledger: Bools
    run: Bools


def live(life: Life, dependence: DayDependence, alpha: float = ALPHA) -> Lived:
    """Return what a life publishes. The rule of one run sees the same evidence, never restarted."""
    lines = len(life.edge)
    ledger, evidence, by_run = Ledger.of_new(lines), Evidence.of_new(lines), np.zeros(lines, dtype=bool)
    weights = np.full(len(GRID), 0.5 / (len(GRID) - 1))
    weights[0] = 0.5
    for day, at, n, total in life.days:
        ledger.take_day(day, at, n, total, dependence=dependence, expected=life.expected, alpha=alpha)
        evidence.take_day(day, at, n, total, dependence)
        if day % 7 == 6:
            known = np.flatnonzero(evidence.n >= 20)
            if len(known):
                lfsr, weights = _rates(evidence, known, weights)
                by_run[known[lfsr <= 0.05]] = True
    return Lived(ledger.times > 0, by_run)


def _rates(evidence: Evidence, known: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """Return the local false sign rates of the known lines, and the mixture after five steps of learning."""
    v = 1 / evidence.i[known]
    m = evidence.u[known] * v
    for _ in range(5):
        phi = responsibilities(m, v, weights, GRID)
        counts = phi.sum(axis=0)
        counts[0] += 10
        weights = counts / counts.sum()
    return local_false_sign_rates(responsibilities(m, v, weights, GRID), m, v, GRID), weights


def report_nulls(
    bench: str, name: str, lives: Sequence[tuple[Bools, Bools]], *, has_bar: bool = True, **extent: object
) -> None:
    """Print the mean share of nulls among the published lines of lives, each given by its nulls and what it published.

    The mean must not exceed ALPHA: less two standard errors where all lines are null, plus two where some are not.
    """
    share = np.array([(published & null).sum() / max(int(published.sum()), 1) for null, published in lives])
    error = float(share.std(ddof=1) / math.sqrt(len(share))) if len(share) > 1 else 0.0
    mean, word = float(share.mean()), "-" if all(null.all() for null, _ in lives) else "+"
    met = mean + (2 if word == "+" else -2) * error <= ALPHA
    bar = {"bar": f"mean {word} 2 se <= .10", "met": met} if has_bar else {}
    count = float(np.mean([published.sum() for _, published in lives]))
    figure(bench, name, mean, "share", lives=len(lives), se=round(error, 4), published=count, **bar, **extent)


def _report(name: str, lives: Sequence[tuple[Bools, Bools, Lived]]) -> None:
    """Print the figures of lives: which lines are null, which have an edge that counts, and what was published."""
    for rule in ("ledger", "run"):
        published = [(null, getattr(lived, rule)) for null, _, lived in lives]
        report_nulls(BENCH, f"{name}: nulls of published, {rule}", published, has_bar=rule == "ledger")
    edges = sum(int(edge.sum()) for _, edge, _ in lives)
    if edges:
        power = {
            rule: sum(int((getattr(lived, rule) & edge).sum()) for _, edge, lived in lives) / edges
            for rule in ("ledger", "run")
        }
        ratio = power["ledger"] / power["run"] if power["run"] else math.nan
        least = 0.45 if "nested" in name else 0.85 if power["run"] >= 0.4 else 0.5 if power["run"] >= 0.15 else None
        met = {} if least is None or math.isnan(ratio) else {"bar": f">= {least}", "met": ratio >= least}
        figure(BENCH, f"{name}: power, ledger", power["ledger"], "share", per_run=round(power["run"], 3))
        if not math.isnan(ratio):
            figure(BENCH, f"{name}: power against the rule of one run", ratio, "ratio", **met)


def _flat(world: World, lives: int, lines: int, pool: Floats) -> Iterator[tuple[Bools, Bools, Lived]]:
    for seed in range(lives):
        life = flat_life(world, lines, seed, pool)
        yield life.edge == 0, life.edge != 0, live(life, world.dependence)


def _nested(trades: int, has_signal: bool, lives: int, pool: Floats) -> Iterator[tuple[Bools, Bools, Lived]]:
    for seed in range(lives):
        life = nested_life(trades, has_signal, seed, pool)
        null = np.abs(life.edge) < 0.02 / SD
        yield null, np.abs(life.edge) >= 0.1 / SD, live(life, DayDependence(0, 0))


def update_seconds(lines: int) -> float:
    """Return the median seconds of a day on which all lines have outcomes."""
    random, taken = np.random.default_rng(1), []
    ledger, at, expected = Ledger.of_new(lines), np.arange(lines), np.full(lines, 400.0)
    for day in range(60):
        n, total = np.full(lines, 2.0), random.normal(0, 1.6, lines)
        began = time.perf_counter()
        ledger.take_day(day, at, n, total, dependence=DayDependence(0.2, 0.5), expected=expected, alpha=ALPHA)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def run(lives: int = LIVES, lines: int = LINES, only: str = "", nested_trades: int = 5000) -> None:
    """Print all figures."""
    pool = outcomes(np.random.default_rng(99))
    taken = 1e3 * update_seconds(10_000)
    figure(BENCH, "day of 10,000 lines", taken, "ms", bar="<= 5", met=taken <= 5)
    for world in WORLDS:
        if only in world.name:
            _report(world.name, list(_flat(world, lives, lines, pool)))
    if only in "nested":
        _report("nested", list(_nested(nested_trades, True, lives, pool)))
        quiet = list(_nested(nested_trades, False, lives, pool))
        _report("nested, no signal", quiet)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=LIVES)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    run(given.lives, given.lines, given.only)


if __name__ == "__main__":
    main()
