"""Planted counterfactual worlds: is the best alternative found where there is one, and nothing where there is none?

`./dev bench tuning [--seeds 300-311] [--trades 8000] [--only WORD] [--gates | --bars DIR]`. With `--gates` the worlds
are those of `gate_worlds`, with `--bars` there are real bars instead (`tuning_bars`). A world has patterns on two
sides, a market phase that changes every ten days, two more dimensions, and four alternatives of one lever whose changes
depend on each other. A day's shock makes an alternative better on one side and worse on the other, and may persist.
Where an effect is planted, one alternative gains in every third pattern, in one value of a dimension or over all.

Found: the planted alternative is the one chosen, as a share of the trades it is planted for. Proposed: worlds in which
the walk-forward supports the lever and lines would be proposed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learning.core.cells.rows import DAY, Bools, Codes, Floats, Ints
from learning.core.tuning.lever_choice import choose
from learning.core.tuning.lever_lines import Limits, lines_of
from learning.core.tuning.trade_deltas import LeverDeltas, TradeDeltas
from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.core.walk_forward.lever_walk import fits_at, walk_lever
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from tests.bench import gate_worlds, tuning_bars
from tests.bench.report import figure

BENCH = "tuning"
LEVER = "entry_delay_bars"
ALTERNATIVES = ("1", "2", "3", "6")
PLANTED = 1  # the position of the planted alternative; the others get half of its gain, or lose it
SHAPE = np.array([0.5, 1.0, 0.0, -1.0])
DAYS, PATTERNS, VALUES, PHASE = 240, 12, 4, 10
NOISE, SHARED, FOLDS = 0.6, 0.7, 8
DIMENSIONS = ("macro_phase", "meso_phase", "bucket")
SEEDS, TRADES = range(300, 312), 8000
BAR_FOUND = 0.9  # of planted trades; no world of noise may be supported


@dataclass(frozen=True)
class Kind:
    """A kind of world: the planted gain in R and where, the sd of a day's shock in R and how far it persists."""

    name: str
    gain: float = 0.0
    where: str = "pattern"
    shock: float = 0.0
    phi: float = 0.0

    @property
    def is_planted(self) -> bool:
        return self.gain > 0


KINDS = (
    Kind("noise, independent"),
    Kind("noise, signed days", shock=0.4),
    Kind("noise, signed days persist .8", shock=0.4, phi=0.8),
    Kind("noise, signed days persist .95", shock=0.4, phi=0.95),
    Kind("planted in patterns", gain=0.25),
    Kind("planted in a value", gain=0.25, where="value"),
    Kind("planted in all", gain=0.1, where="all"),
    Kind("planted in patterns, signed days", gain=0.25, shock=0.2),
    Kind("planted in patterns, signed days persist .5", gain=0.25, shock=0.2, phi=0.5),
)


@dataclass(frozen=True)
class World:
    """The trades of a world, for which of them the alternative was planted, and the moment after the last."""

    trades: TradeDeltas
    planted: Bools
    end: int


def world_of(kind: Kind, trades: int, seed: int) -> World:
    """Return the world of a kind and a seed."""
    random = np.random.default_rng(seed)
    day = np.sort(random.uniform(0, DAYS, trades))
    whole = day.astype(np.int64)
    pattern = random.integers(0, PATTERNS, trades)
    phase = random.integers(0, VALUES, DAYS // PHASE + 1)[whole // PHASE]
    scope = np.column_stack([phase, *random.integers(0, VALUES, (2, trades))]).astype(np.int32)
    planted = _where(kind, pattern, scope)
    side = np.where(pattern % 2, 1.0, -1.0)
    shared = random.normal(0, 1, (trades, 1)) * np.sqrt(SHARED) + random.normal(0, 1, (trades, 4)) * np.sqrt(1 - SHARED)
    shock = kind.shock * _shocks(random, kind.phi)[whole] * side
    changes = NOISE * shared + shock[:, None] + kind.gain * planted[:, None] * SHAPE
    at = (day * DAY).astype(np.int64)
    known = at + random.exponential(DAY, trades).astype(np.int64)
    one = np.arange(trades)
    values = tuple(tuple(map(str, range(VALUES))) for _ in DIMENSIONS)
    deltas = {LEVER: LeverDeltas(ALTERNATIVES, changes, known)}
    names = tuple(f"bench.pattern{number}.signal" for number in range(PATTERNS))
    told = TradeDeltas(at, known, pattern, scope, one, one, names, DIMENSIONS, values, deltas)
    return World(told, planted, int(known.max()) + 1)


def _where(kind: Kind, pattern: Ints, scope: Codes) -> Bools:
    if not kind.is_planted:
        return np.zeros(len(pattern), dtype=np.bool_)
    where: dict[str, Bools] = {"pattern": pattern % 3 == 0, "value": scope[:, 1] == 2, "all": pattern >= 0}
    return where[kind.where]


def _shocks(random: np.random.Generator, phi: float) -> Floats:
    """Return a shock of sd 1 for each day; `phi` of it is that of the day before."""
    fresh = random.normal(0, 1, DAYS + 40)
    shocks = np.empty_like(fresh)
    shocks[0] = fresh[0]
    for day in range(1, len(fresh)):
        shocks[day] = phi * shocks[day - 1] + np.sqrt(1 - phi**2) * fresh[day]
    return shocks


@dataclass(frozen=True)
class Judged:
    """What was found in a world: of the planted trades the share with the planted alternative, and of the others the
    share for which anything is chosen; the verdict, the lines that would act, and the gain in R per 1,000 trades."""

    found: float | None
    strayed: float
    verdict: LeverVerdict
    lines: int
    gain: float
    promised: float

    @property
    def is_proposed(self) -> bool:
        return self.verdict is LeverVerdict.SUPPORTED and self.lines > 0


def judge(world: World) -> Judged:
    """Return what is found in a world at its end."""
    trades, parameters = world.trades, EvidenceParameters()
    fits = fits_at(trades, LEVER, world.end, parameters)
    choice = choose([each.expected(trades.pattern, trades.scope) for each in fits.values()], len(trades), parameters)
    names = np.array(list(fits))
    right = (choice.at >= 0) & (names[choice.at] == ALTERNATIVES[PLANTED])
    walk = walk_lever(trades, LEVER, FOLDS, parameters)
    brake = 1.0 if walk.gain is None else walk.gain.came_true
    limits = Limits(LessonParameters(), WeightParameters(max_scope_dims=len(DIMENSIONS)), parameters, brake)
    lines = lines_of(trades, LEVERS[LEVER], fits, limits)
    others = ~world.planted
    return Judged(
        found=float(right[world.planted].mean()) if world.planted.any() else None,
        strayed=float((choice.at[others] >= 0).mean()) if others.any() else 0.0,
        verdict=walk.verdict,
        lines=sum(line.heavy for line in lines),
        gain=0.0 if walk.gain is None else walk.gain.gain,
        promised=0.0 if walk.gain is None else walk.gain.promised,
    )


def run(seeds: Sequence[int] = SEEDS, trades: int = TRADES, only: str = "") -> None:
    """Print all figures."""
    for kind in KINDS:
        if only in kind.name:
            _report(kind, [judge(world_of(kind, trades, seed)) for seed in seeds], trades)


def _report(kind: Kind, worlds: Sequence[Judged], trades: int) -> None:
    """Print the figures of the worlds of a kind."""
    found = [each.found for each in worlds if each.found is not None]
    if found:
        figure(BENCH, f"{kind.name}: found", float(np.mean(found)), "share", bar=BAR_FOUND, trades=trades)
    figure(BENCH, f"{kind.name}: chosen elsewhere", float(np.mean([each.strayed for each in worlds])), "share")
    supported = sum(each.verdict is LeverVerdict.SUPPORTED for each in worlds)
    figure(BENCH, f"{kind.name}: supported", supported, "worlds", of=len(worlds))
    proposed = sum(each.is_proposed for each in worlds)
    figure(BENCH, f"{kind.name}: proposed", proposed, "worlds", of=len(worlds), bar=len(worlds) if found else 0)
    for name in ("gain", "promised"):
        figure(BENCH, f"{kind.name}: {name}", float(np.mean([getattr(each, name) for each in worlds])), "R per 1,000")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="300-311")
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--only", default="")
    parser.add_argument("--gates", action="store_true", help="worlds of windows of a gate instead (gate_worlds)")
    parser.add_argument("--bars", type=Path, help="folders of real bars instead of worlds (tuning_bars)")
    given = parser.parse_args()
    if given.bars is not None:
        tuning_bars.run(given.bars)
        return
    first, _, last = given.seeds.partition("-")
    measure = gate_worlds.run if given.gates else run
    measure(range(int(first), int(last or first) + 1), given.trades, given.only)


if __name__ == "__main__":
    main()
