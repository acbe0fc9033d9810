"""The evidence method against a simulator with known truth, and the cost of its fit.

`./dev bench learning --simulator PATH --seeds A-B`, where PATH defines the worlds (see tests/bench/simulator.py). Every
line states its bar and whether it is met. A ratio of uplifts is of means over the seeds; `difference` and `se` are of
the paired differences. The strongest variant of the plan is chosen after the fact, in its favour.
"""

from __future__ import annotations

import argparse
import math
import operator
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from learning.core.cells.rows import Floats
from learning.core.evidence_method.fit import fit
from tests.bench.report import figure, timed
from tests.bench.simulator import END, Log, Simulator
from tests.bench.walk import PARAMETERS, READINGS, WRITTEN, Walk, claims, sure_ones

TRADES = 20_000
COSTS = {20_000: 1.0, 200_000: 6.0}  # trades -> seconds a fit may take
MEGABYTES = 1_000
DRIFTS = {"mild": (0.65, 0.10), "severe": (0.75, 0.13)}  # drift -> bars of squared error and false claims
PHASES, PHASE_DAYS, SHOCK = 4, 10, 0.6  # number and length of market phases, sd of a day's move in R
COMPARED: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


def judged(name: str, value: float, unit: str, *bars: str, **context: object) -> None:
    """Return a figure with its bars, such as ">= 1.4", and whether it meets all of them."""
    limits = [(COMPARED[sign], float(number)) for sign, number in map(str.split, bars)]
    met = all(compare(value, limit) for compare, limit in limits)
    figure("learning", name, value, unit, bar=" and ".join(bars), met=met, **context)


class Drift:
    """The walks through the worlds of one kind of drift, one per seed."""

    def __init__(self, simulator: Simulator, seeds: Sequence[int], drift: str, trades: int) -> None:
        self.name, self.context = drift, {"trades": trades, "seeds": len(seeds)}
        self.walks, self.claims = [], []
        for seed in seeds:
            world = simulator.world(seed, drift)
            log = Log.draw(world, trades, seed)
            self.walks.append(Walk().with_evidence(log).with_plan(log, world, simulator.readings))
            self.claims.append(claims(log, world, END))

    def uplift(self, policy: str, tilt: str = "matched") -> Floats:
        """Return (seeds,): the mean over the folds."""
        return np.array([np.mean([getattr(score, tilt) for score in walk.scores[policy]]) for walk in self.walks])

    def best(self, policies: Sequence[str], tilt: str = "matched") -> str:
        return max(policies, key=lambda policy: float(self.uplift(policy, tilt).mean()))

    def against(
        self, name: str, policies: Sequence[str], *bars: str, policy: str = "evidence", tilt: str = "matched"
    ) -> None:
        rival = self.best(policies, tilt)
        ours, theirs = self.uplift(policy, tilt), self.uplift(rival, tilt)
        difference = ours - theirs
        judged(
            f"{name}_{self.name}", ours.mean() / theirs.mean(), "x", *bars, against=rival,
            uplift=round(float(ours.mean()), 2), theirs=round(float(theirs.mean()), 2),
            difference=round(float(difference.mean()), 2), se=_standard_error(difference), **self.context,
        )  # fmt: skip

    def report_uplift(self) -> None:
        if not all(walk.scores[READINGS[0]] for walk in self.walks):
            return
        self.against("uplift_of_plan_as_written", WRITTEN, ">= 1.4")
        self.against("uplift_of_strongest_ablation", READINGS, ">= 1.15")
        self.against(
            "materialised_raw_uplift_of_strongest_ablation", READINGS, ">= 0.8", policy="materialised", tilt="raw"
        )
        self.against("materialised_uplift_of_strongest_ablation", READINGS, ">= 1", policy="materialised")

    def report_accuracy(self, mse_bar: float, false_bar: float) -> None:
        mse, covered, slope = (
            np.mean([getattr(each, name) for walk in self.walks for each in walk.accuracies])
            for name in ("mse_ratio", "covered", "slope")
        )
        judged(f"squared_error_of_no_learning_{self.name}", mse, "x", f"<= {mse_bar}", **self.context)
        judged(f"coverage_of_95_percent_{self.name}", covered, "share", ">= 0.92", "<= 0.99", **self.context)
        judged(f"calibration_slope_{self.name}", slope, "R per R", ">= 0.8", "<= 1.25", **self.context)
        false = np.array([each.false for each in self.claims])
        count = np.mean([each.count for each in self.claims])
        judged(
            f"false_verified_{self.name}", false.mean(), "share", f"<= {false_bar}",
            se=_standard_error(false), verified_per_run=round(float(count), 1), **self.context,
        )  # fmt: skip
        exaggeration = np.median([each.exaggeration for each in self.claims])
        judged(f"claimed_of_true_edge_{self.name}", exaggeration, "x", "<= 1.6", **self.context)


def _standard_error(values: Floats) -> float | None:
    return round(float(values.std(ddof=1) / math.sqrt(len(values))), 4) if len(values) > 1 else None


def without_signal(simulator: Simulator, seeds: Sequence[int], trades: int) -> None:
    found, tilts = [], []
    for seed in seeds:
        world = simulator.world(seed, "mild", signal=0.0)
        log = Log.draw(world, trades, seed)
        found.append(claims(log, world, END).count)
        tilts += [score.tilt for score in Walk().with_evidence(log).scores["evidence"]]
    context = {"trades": trades, "seeds": len(seeds)}
    judged("verified_without_signal", float(np.mean(found)), "per run", "<= 1", most=max(found), **context)
    judged("tilt_without_signal", float(np.mean(tilts)), "sd of log m", "<= 0.08", **context)


def market_days(simulator: Simulator, seeds: Sequence[int], trades: int) -> None:
    """Return trades without signal, but with days that move all trades and a dimension of ten-day market phases."""
    counts: dict[bool, list[int]] = {True: [], False: []}
    for seed in seeds:
        log = Log.draw(simulator.world(seed, "mild", signal=0.0), trades, seed)
        rng, day = np.random.default_rng(seed), log.day.astype(np.int64)
        phase = rng.integers(0, PHASES, int(END))[day // PHASE_DAYS]
        scope = np.column_stack([phase, log.scope[:, 1:]])
        log = replace(log, scope=scope, outcome=log.outcome + rng.normal(0, SHOCK, int(END) + 1)[day])
        for same_day, found in counts.items():
            found.append(len(sure_ones(log, END, replace(PARAMETERS, same_day=same_day))))
    context = {"if_trades_were_independent": round(float(np.mean(counts[False])), 2), "seeds": len(seeds)}
    judged("verified_on_market_days", float(np.mean(counts[True])), "per run", "<= 1", trades=trades, **context)


SHOCKS = {  # name -> sign of the shock for patterns of odd number, and its persistence from day to day
    "on_signed_days": (-1.0, 0.0),
    "on_signed_days_that_persist": (-1.0, 0.8),
    "on_days_that_persist": (1.0, 0.8),
    "on_signed_days_that_last": (-1.0, 0.95),
}


def shocked(log: Log, seed: int, odd: float, persistence: float) -> Log:
    """Return the log with shocks of days added: s_t = persistence s_(t-1) + noise, with an sd of `SHOCK` R.

    Patterns of even number get + s, those of odd number `odd` times s: a market day lifts longs and sinks shorts.
    """
    day = log.day.astype(np.int64)
    fresh = np.random.default_rng(seed + 777).normal(0, SHOCK, int(END) + 1)
    shock = fresh.copy()
    for at in range(1, len(shock)):
        shock[at] = persistence * shock[at - 1] + math.sqrt(1 - persistence**2) * fresh[at]
    return replace(log, outcome=log.outcome + np.where(log.pattern % 2 == 0, 1.0, odd) * shock[day])


def in_phases(log: Log, seed: int) -> Log:
    """Return the log with its first dimension replaced by a market phase that changes every ten days."""
    phase = np.random.default_rng(seed).integers(0, PHASES, math.ceil(END / PHASE_DAYS) + 1)
    return replace(log, scope=np.column_stack([phase[log.day.astype(np.int64) // PHASE_DAYS], log.scope[:, 1:]]))


def shocks_without_signal(simulator: Simulator, seeds: Sequence[int], trades: int) -> None:
    """Report what is verified where there is nothing to find but days that move many trades together."""
    for name, (odd, persistence) in SHOCKS.items():
        found = [
            len(sure_ones(shocked(in_phases(Log.draw(world, trades, seed), seed), seed, odd, persistence), END))
            for seed in seeds
            for world in [simulator.world(seed, "mild", signal=0.0)]
        ]
        judged(f"verified_{name}", float(np.mean(found)), "per run", "<= 1", most=max(found), seeds=len(seeds))


def signed_days_with_signal(simulator: Simulator, seeds: Sequence[int], trades: int) -> None:
    """Report the calibration where edges are real and days lift one side and sink the other; truth is without days."""
    for drift in DRIFTS:
        walks = [
            Walk().with_evidence(shocked(Log.draw(simulator.world(seed, drift), trades, seed), seed, -1.0, 0.3))
            for seed in seeds
        ]
        slope = float(np.mean([each.slope for walk in walks for each in walk.accuracies]))
        judged(f"calibration_slope_on_signed_days_{drift}", slope, "R per R", ">= 0.8", "<= 1.25", seeds=len(seeds))


def cost(simulator: Simulator, trades: int, bar: float) -> None:
    log = Log.draw(simulator.world(0, "mild"), trades, 0)
    work = partial(fit, log.observations(), END, PARAMETERS)
    seconds = timed(work)
    tracemalloc.start()
    try:
        work()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    judged(f"fit_{trades}_cpu", seconds.cpu, "s", f"<= {bar:g}", wall_s=round(seconds.wall, 3))
    judged(f"fit_{trades}_peak_memory", peak, "MB", f"<= {MEGABYTES}")


def run(simulator: Simulator, seeds: Sequence[int], trades: int = TRADES, costs: dict[int, float] = COSTS) -> None:
    for size, seconds in costs.items():
        cost(simulator, size, seconds)
    without_signal(simulator, seeds, trades)
    market_days(simulator, seeds, trades)
    shocks_without_signal(simulator, seeds, trades)
    signed_days_with_signal(simulator, seeds, trades)
    for name, bars in DRIFTS.items():
        drift = Drift(simulator, seeds, name, trades)
        drift.report_uplift()
        drift.report_accuracy(*bars)


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev bench learning")
    parser.add_argument("--simulator", type=Path, required=True, help="a file that defines World")
    parser.add_argument("--seeds", type=_seeds, default=range(6), help="such as 0-5")
    arguments = parser.parse_args()
    run(Simulator.load(arguments.simulator), arguments.seeds)
