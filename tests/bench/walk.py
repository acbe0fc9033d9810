"""Walking forward through a simulated log: what each method would truly have earned next, and how far it erred.

Uplift is exposure-neutral, in R per 1000 trades of unit size: mean((m / mean(m) - 1) mu). At *matched tilt* the log
lever of every method is first scaled to the same spread; otherwise the method that bets bigger looks better.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from learning.core.cells.rows import MISSING, Floats
from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.fold_down import Overrides, fold_down
from learning.core.evidence_method.learn import Learned, learn
from learning.core.evidence_method.lever_targets import verified
from learning.core.evidence_method.predict import predict
from learning.core.significance.strength import NO_BRAKE, Brake
from learning.core.walk_forward.prequential import evidence_strength
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.bench.simulator import Log, World

PARAMETERS = EvidenceParameters()
LOW, HIGH = math.log(0.7), math.log(1.3)
TILT = 0.10  # standard deviation of a log lever at matched tilt
WRITTEN = ("plan, half-life 18 d", "plan, age 0")
READINGS = (*WRITTEN, "plan, age 0, no floor", "most specific")


@dataclass(frozen=True)
class Score:
    """One method on one fold: uplift as bet and at matched tilt, and the spread of its log lever."""

    raw: float
    matched: float
    tilt: float


@dataclass(frozen=True)
class Accuracy:
    """The evidence fit: squared error relative to no learning, share inside the 95 % interval, calibration slope."""

    mse_ratio: float
    covered: float
    slope: float


def scored(mu: Floats, log_lever: Floats, edge: Floats | None = None) -> Score:
    """Return the score; `edge` is what matched tilt scales, if it is not the log lever."""
    m = np.exp(np.clip(log_lever, LOW, HIGH))
    signal = log_lever if edge is None else edge
    signal = signal - signal.mean()
    spread = float(signal.std())
    level = np.exp(np.clip(signal * (TILT / spread), LOW, HIGH)) if spread > 1e-9 else np.ones(len(mu))
    return Score(_uplift(mu, m), _uplift(mu, level), float(np.log(m).std()))


def _uplift(mu: Floats, m: Floats) -> float:
    return 1000 * float(((m / m.mean() - 1) * mu).mean())


class Walk:
    """Scores by method, and accuracies; one of each per fold of one world."""

    def __init__(self) -> None:
        self.scores: defaultdict[str, list[Score]] = defaultdict(list)
        self.accuracies: list[Accuracy] = []

    def with_evidence(self, log: Log, is_braked: bool = True) -> Walk:
        """Add the evidence method, as runs learn: braked by the strength measured on what was known."""
        for as_of, known, acted in log.folds():
            brake = brake_of(known, as_of) if is_braked else NO_BRAKE
            learned = learn(known.observations(), [range(known.categories)], as_of, PARAMETERS, [brake])
            if learned is None:
                raise SystemExit(f"no trades before day {as_of:g}; simulate more")
            expected = predict(learned.fits[0], acted.pattern, acted.category, acted.scope).braked(brake)
            self.scores["evidence"].append(scored(acted.mu, PARAMETERS.kappa * expected.edge))
            self.scores["materialised"].append(scored(acted.mu, served(learned, acted)))
            self.accuracies.append(accuracy(known, acted, expected.mu0 + expected.edge, expected.variance))
        return self

    def with_plan(self, log: Log, world: World, readings: ModuleType | None) -> Walk:
        """Add the variants of the plan's formula on the same folds, if there are any."""
        for as_of, known, acted in log.folds() if readings else ():
            for name, found in _readings(readings, world, as_of, known, acted).items():
                self.scores[name].append(found)
        return self


def brake_of(log: Log, as_of: float, parameters: EvidenceParameters = PARAMETERS) -> Brake:
    """Return the brake that a run on these trades would use."""
    (strength,) = evidence_strength(log.observations(), [range(log.categories)], as_of, parameters)
    return NO_BRAKE if strength is None else strength.brake


def _readings(readings: Any, world: World, as_of: float, known: Log, acted: Log) -> dict[str, Score]:
    cells, _ = readings.plan_cells(
        known.key, known.scope, known.outcome, known.day, as_of, world.cards, world.P, world.C
    )
    read = partial(readings.plan_eval, cells, acted.key, acted.scope, world.cards, world.C)
    written = read()
    found = zip(READINGS, (written, read(decay=False), read(decay=False, wmin=0.0)), strict=False)
    scores = {name: scored(acted.mu, levers["blend_log"], levers["blend"]) for name, levers in found}
    return scores | {READINGS[-1]: scored(acted.mu, written["specific"])}


def accuracy(known: Log, acted: Log, expected: Floats, variance: Floats) -> Accuracy:
    error, nothing = expected - acted.mu, known.outcome.mean() - acted.mu
    covered = np.abs(error) <= 1.96 * np.sqrt(variance)
    slope = np.cov(expected, acted.mu)[0, 1] / expected.var(ddof=1) if expected.std() > 1e-9 else math.nan
    ratio = float((error**2).mean() / max((nothing**2).mean(), 1e-12))
    return Accuracy(ratio, float(covered.mean()), float(slope))


def served(learned: Learned, acted: Log) -> Floats:
    """Return the log lever of the materialised overrides, capped where unverified: what the product would serve."""
    total, chosen = np.zeros(len(acted)), learned.overrides.take(np.arange(learned.materialised))
    for row, c in enumerate(learned.c[: learned.materialised].tolist()):
        scope = chosen.scope[row]
        closed = scope != MISSING
        match = (acted.pattern == chosen.pattern[row]) & (acted.category == chosen.category[row])
        total[match & (acted.scope[:, closed] == scope[closed]).all(axis=1)] += c
    return total


@dataclass(frozen=True)
class Claims:
    """Verified overrides of a log against the truth on its last day; a claim is false below 0.01 R of its sign.

    `exaggeration` is claimed over true edge. Without claims none are false and nothing is exaggerated.
    """

    count: int
    false: float
    exaggeration: float


def sure_ones(log: Log, as_of: float, parameters: EvidenceParameters = PARAMETERS) -> Overrides:
    """Return the verified overrides of a log."""
    found = fold_down(fit(log.observations(), as_of, parameters), brake_of(log, as_of, parameters))
    return found.take(verified(found, parameters))


def claims(log: Log, world: World, as_of: float) -> Claims:
    sure = sure_ones(log, as_of)
    mu = world.mu(log.key, log.scope, np.full(len(log), as_of))
    truths = np.array([_contrast(log, mu, *row) for row in zip(sure.pattern, sure.category, sure.scope, strict=True)])
    if not len(sure):
        return Claims(0, 0.0, 1.0)
    gained = np.sign(sure.b) * truths
    return Claims(len(sure), float((gained < 0.01).mean()), float(np.abs(sure.b).sum() / max(gained.sum(), 1e-3)))


def _contrast(log: Log, mu: Floats, pattern: int, category: int, scope: Floats) -> float:
    """Return what a key adds to simpler ones over its trades: its mean less its parents', the interaction for two."""
    own = log.key == pattern * log.categories + category
    inside = [own & (log.scope[:, dim] == scope[dim]) for dim in np.flatnonzero(scope != MISSING)]
    if not inside:
        return float(mu[own].mean() - mu[log.category == category].mean())
    if len(inside) == 1:
        return float(mu[inside[0]].mean() - mu[own].mean())
    first, second = inside
    return float(mu[first & second].mean() - mu[first].mean() - mu[second].mean() + mu[own].mean())
