"""Planted worlds of a gate: is the right threshold found where good entries are kept out, and none on noise?

`./dev bench tuning --gates [--seeds 500-523] [--trades 8000] [--only WORD]`. A window has three samples with a TS from
.40 to .76 under a gate at .60; windows come in episodes of about three, with a market phase that changes every ten days
and two more dimensions. What acting earns has a sd of 1 R, a shock that all windows of a day share, and a mean that is
0 in noise. Where a gate is planted, acting at or above the right threshold gains on average, and below it loses.

Found: worlds in which the right threshold is what the fit of the end chooses for most windows. Proposed: worlds in
which the walk-forward supports the lever and lines would be proposed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import DAY, Floats
from learning.core.tuning.gate_windows import GateWindows
from learning.core.tuning.lever_choice import choose
from learning.core.tuning.lever_lines import Limits, lines_of
from learning.core.tuning.simulated_gate import SimulatedGate
from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.core.walk_forward.lever_walk import fits_at, walk_lever
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from tests.bench.report import figure

BENCH, FOLDS = "tuning", 8
LEVER = LEVERS["min_ts_for_add"]
DAYS, PATTERNS, VALUES, PHASE, SAMPLES = 240, 6, 4, 10, 3
NOISE, TOGETHER = 1.0, 3  # sd of a result in R; most windows of an episode
DIMENSIONS = ("macro_phase", "meso_phase", "bucket")
BAR_FOUND = 0.9  # of worlds with a planted gate; no world of noise may be proposed


@dataclass(frozen=True)
class Kind:
    """A kind of world: the planted gain in R and the right threshold, the sd of a day's shock and how far it lasts."""

    name: str
    gain: float = 0.0
    right: str = ""
    shock: float = 0.0
    phi: float = 0.0


KINDS = (
    Kind("gate, noise, independent"),
    Kind("gate, noise, signed days", shock=0.4),
    Kind("gate, noise, signed days persist .8", shock=0.4, phi=0.8),
    Kind("gate, noise, strong days persist .95", shock=0.8, phi=0.95),
    Kind("gate, keeps good entries out", gain=0.5, right="0.5"),
    Kind("gate, keeps good entries out, signed days", gain=0.5, right="0.5", shock=0.2),
    Kind("gate, lets bad entries in", gain=0.5, right="0.7"),
)


def windows_of(kind: Kind, count: int, seed: int) -> GateWindows:
    """Return the windows of a world."""
    random = np.random.default_rng(seed)
    episode = np.sort(random.integers(0, 1 + count // TOGETHER, count))
    began = np.sort(random.uniform(0, DAYS, 1 + count // TOGETHER))
    day = began[episode] + random.uniform(0, 0.5, count)
    at = (day * DAY).astype(np.int64)
    closed = ((began[episode] + 0.6) * DAY).astype(np.int64)
    ts = np.clip(random.uniform(0.40, 0.76, (count, 1)) + random.normal(0, 0.02, (count, SAMPLES)), 0.0, 1.0)
    shock = kind.shock * _shocks(random, kind.phi)[day.astype(np.int64)]
    rr = _mean(kind, ts) + shock[:, None] + random.normal(0, NOISE, (count, 1))
    phase = random.integers(0, VALUES, DAYS // PHASE + 2)[day.astype(np.int64) // PHASE]
    is_open = np.ones(ts.shape, dtype=np.bool_)
    return GateWindows(
        at=at,
        closed_at=closed,
        known=closed + random.exponential(DAY, count).astype(np.int64),
        pattern=random.integers(0, PATTERNS, count),
        scope=np.column_stack([phase, *random.integers(0, VALUES, (2, count))]).astype(np.int32),
        trade=np.arange(count),
        cluster=episode,
        patterns=tuple(f"bench.pattern{number}.retest" for number in range(PATTERNS)),
        category=np.zeros(count, dtype=np.int64),
        categories=("add",),
        dimensions=DIMENSIONS,
        values=tuple(tuple(map(str, range(VALUES))) for _ in DIMENSIONS),
        rr=rr,
        is_open=is_open,
        scores={LEVER.name: ts},
        thresholds={LEVER.name: np.full(count, LEVER.neutral)},
    )


def _mean(kind: Kind, ts: Floats) -> Floats:
    """Return what acting at a score earns on average: a gain from the right threshold on, a loss below it."""
    if not kind.right:
        return np.zeros(ts.shape)
    return np.where(ts >= float(kind.right), kind.gain, -kind.gain)


def _shocks(random: np.random.Generator, phi: float) -> Floats:
    """Return a shock of sd 1 for each day, that all windows of the day share; `phi` of it is that of the day before."""
    shocks = random.normal(0, 1, DAYS + 2)
    for day in range(1, len(shocks)):
        shocks[day] = phi * shocks[day - 1] + np.sqrt(1 - phi**2) * shocks[day]
    return shocks


@dataclass(frozen=True)
class Judged:
    """What was found in a world: its candidates at the end, the threshold chosen for most windows ("" for none), the
    verdict, the lines that would act, and the gain in R per 1,000 windows."""

    candidates: int
    chosen: str
    verdict: LeverVerdict
    lines: int
    gain: float
    promised: float


def judge(windows: GateWindows) -> Judged:
    """Return what is found in a world at its end."""
    parameters, gate = EvidenceParameters(), SimulatedGate.of(windows, LEVER)
    told, end = gate.told, int(windows.known.max()) + 1
    fits = fits_at(told, LEVER.name, end, parameters, gate.candidates_before)
    choice = choose([each.expected(told.pattern, told.scope) for each in fits.values()], len(told), parameters)
    names = [*fits, ""]
    walk = walk_lever(told, LEVER.name, FOLDS, parameters, admitted=gate.candidates_before)
    brake = 1.0 if walk.gain is None else walk.gain.came_true
    limits = Limits(LessonParameters(), WeightParameters(max_scope_dims=len(DIMENSIONS)), parameters, brake)
    return Judged(
        candidates=len(gate.candidates_before(end)),
        chosen=names[Counter(choice.at.tolist()).most_common(1)[0][0]],
        verdict=walk.verdict,
        lines=sum(line.heavy for line in lines_of(told, LEVER, fits, limits)),
        gain=0.0 if walk.gain is None else walk.gain.gain,
        promised=0.0 if walk.gain is None else walk.gain.promised,
    )


def run(seeds: Sequence[int], count: int, only: str = "") -> None:
    """Print all figures."""
    for kind in KINDS:
        if only in kind.name:
            _report(kind, [judge(windows_of(kind, count, seed)) for seed in seeds], count)


def _report(kind: Kind, worlds: Sequence[Judged], count: int) -> None:
    """Print the figures of the worlds of a kind."""
    of = len(worlds)
    if kind.right:
        right = sum(each.chosen == kind.right for each in worlds) / of
        figure(BENCH, f"{kind.name}: found", right, "share", bar=BAR_FOUND, windows=count)
    figure(BENCH, f"{kind.name}: with a candidate", sum(each.candidates > 0 for each in worlds), "worlds", of=of)
    supported = [each for each in worlds if each.verdict is LeverVerdict.SUPPORTED]
    figure(BENCH, f"{kind.name}: supported", len(supported), "worlds", of=of)
    proposed = sum(each.lines > 0 for each in supported)
    figure(BENCH, f"{kind.name}: proposed", proposed, "worlds", of=of, bar=of if kind.right else 0)
    for name in ("gain", "promised"):
        figure(BENCH, f"{kind.name}: {name}", float(np.mean([getattr(each, name) for each in worlds])), "R per 1,000")
