"""Planted worlds: how often the interval of an arm's effect ever misses the truth, and how narrow the replays make it.

`./dev bench arms [--seeds 300] [--days 248] [--only WORD]`. Outcomes are t-tailed (df 4) with an sd of 1.4 R, the
positions of a day share .3 of their variance. The alternative changes each outcome by its effect plus a spread of its
own; the paper twin replays both arms with an error of .4 R each and a bias of the alternative. Looked at daily from day
30 on, when the first interval is shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from overrides.core.monitoring.days.day_bootstrap import Floats, Ints
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums
from overrides.core.monitoring.days.days_needed import days_needed
from overrides.core.monitoring.exploring.arm_effect import Explored, doubly_robust, inverse_weighting
from tests.bench.earned import outcomes
from tests.bench.report import figure

BENCH = "arms"
RATE = 36  # positions a day
ERROR = 0.4  # R: sd of a replay around the outcome
WIDEST = {0.5: 0.75, 0.1: 0.65}  # of the width of inverse weighting, by the probability of the alternative


@dataclass(frozen=True)
class World:
    """What an alternative changes on average and how differently, in R, and what its replay is off by.

    `missing` is the share of positions whose replays are missing; `error` the sd of a replay around its outcome.
    """

    name: str
    probability: float
    effect: float = 0.0
    spread: float = 0.3
    bias: float = 0.0
    missing: float = 0.0
    has_bar: bool = True


WORLDS = (
    World("no effect, even", 0.5),
    World("no effect, replay flatters by .2 R, even", 0.5, bias=0.2),
    World("no effect, replay flatters by .2 R, one in ten", 0.1, bias=0.2),
    World("+.05 R, replay is .2 R too low, one in ten", 0.1, effect=0.05, bias=-0.2),
    World("+.05 R, spread 1 R, even", 0.5, effect=0.05, spread=1.0, bias=0.05),
    World("+.05 R, spread 1 R, one in ten", 0.1, effect=0.05, spread=1.0, bias=0.05),
    World("+.05 R, a third without replays, even", 0.5, effect=0.05, bias=0.1, missing=1 / 3, has_bar=False),
)


def life(world: World, seed: int, days: int) -> Explored:
    """Return the positions of one simulated life."""
    draw = np.random.default_rng((seed, 77))
    day, served = outcomes(draw, days, RATE)
    alternative = served + world.effect + world.spread * draw.standard_normal(len(served))
    is_alternative = draw.random(len(served)) < world.probability
    lost = np.where(draw.random(len(served)) < world.missing, np.nan, 0.0)
    return Explored(
        day,
        np.where(is_alternative, alternative, served),
        is_alternative,
        np.full(len(served), world.probability),
        alternative + world.bias + ERROR * draw.standard_normal(len(served)) + lost,
        served + ERROR * draw.standard_normal(len(served)) + lost,
        np.zeros(len(served), bool),
    )


def ever_missed(day: Ints, psi: Floats, truth: float) -> tuple[bool, DaySums]:
    """Return whether the interval of any day missed the truth, and the sums of all days."""
    sums, missed = DaySums(), False
    totals, counts = np.bincount(day, psi), np.bincount(day)
    for total, positions in zip(totals.tolist(), counts.tolist(), strict=True):
        sums = sums.plus(total, positions)
        interval = sums.interval()
        missed |= interval is not None and not interval.low <= truth <= interval.high
    return missed, sums


def half_width_of(sums: DaySums) -> float:
    """Return half the width of the interval, in R per position."""
    interval = sums.interval()
    assert interval is not None  # a life lasts longer than FEWEST_DAYS
    return (interval.high - interval.low) / 2


def run(world: World, seeds: int, days: int) -> None:
    """Print how often one world's interval ever missed, and its width beside that of inverse weighting."""
    missed, narrower, needed, replayed_missed = 0, [], [], 0
    for seed in range(seeds):
        rows = life(world, seed, days)
        psi, weighted = doubly_robust(rows), inverse_weighting(rows)
        is_missed, sums = ever_missed(rows.day, psi, world.effect)
        missed += is_missed
        narrower.append(half_width_of(sums) / half_width_of(DaySums.over(rows.day, weighted)))
        needed.append(days_needed(sums, 0.05) or 0)
        known = rows.has_replays
        alone = (rows.replay_alternative - rows.replay_served)[known]
        replayed_missed += ever_missed(rows.day[known], alone, world.effect)[0]
    context = {"world": world.name, "seeds": seeds, "days": days, "probability": world.probability}
    figure(BENCH, "ever missed from day 30 on", missed / seeds, "share", bar="<= 0.07", **context)
    bar = {"bar": f"<= {WIDEST[world.probability]:g}"} if world.has_bar else {}
    figure(BENCH, "width beside inverse weighting", median(narrower), "share", **bar, **context)
    figure(BENCH, "days to half a width of .05 R", median(needed), "days", **context)
    figure(BENCH, "replay alone ever missed", replayed_missed / seeds, "share", **context)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--days", type=int, default=248)
    parser.add_argument("--only", default="", help="worlds whose name contains this")
    options = parser.parse_args(arguments)
    if options.days < FEWEST_DAYS:
        parser.error(f"--days: at least {FEWEST_DAYS}")
    for world in WORLDS:
        if options.only in world.name:
            run(world, options.seeds, options.days)


if __name__ == "__main__":
    main()
