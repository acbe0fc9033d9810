"""Planted worlds: how often "it earns" is said wrongly or found, and whether the holdback's months come true.

`./dev bench earned [--seeds 400] [--days 1000] [--only WORD] [--trades 100000]`. Outcomes are t-tailed (df 4)
with an sd of 1.4 R; the trades of a day share .3 of their variance; levers move sizes by at most a tenth. Every day is
looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from overrides.core.monitoring.days.day_bootstrap import Floats, Ints
from overrides.core.monitoring.days.day_sequence import DaySums
from overrides.core.monitoring.earning.earned import Day, Look, whole
from overrides.core.monitoring.earning.holdback_effect import (
    FEWEST_HELD_BACK,
    Drawn,
    HoldbackEffect,
    contrast_days,
    holdback_effect,
)
from tests.bench.earned_table import tables
from tests.bench.report import figure

BENCH = "earned"
SD, SHARED, DF = 1.4, 0.3, 4.0  # R per trade; share of its variance that a day's trades have in common
MOST = 0.1  # largest distance of a size from 1
WITHIN = 2000  # trades
FACTOR = 1.5


@dataclass(frozen=True)
class World:
    """Trades a day, what they earn by size on average (R), their mean exposure, mean outcome, and days that last.

    `phi` is the correlation of a day's common outcome with that of the day before.
    """

    name: str
    rate: int
    edge: float = 0.0
    tilt: float = 0.0
    mean: float = 0.0
    phi: float = 0.0
    has_bar: bool = True


WORLDS = (
    World("nothing, 36 a day", 36),
    World("nothing, 8 a day", 8),
    World("nothing but exposure, 36 a day", 36, tilt=0.05, mean=0.1),
    World("nothing, days that last", 36, tilt=0.05, phi=0.3, has_bar=False),
    World(".03 R, 36 a day", 36, edge=0.03),
    World(".03 R, 8 a day", 8, edge=0.03),
)


@dataclass(frozen=True)
class Contrast:
    """Trades a day, share held back, what sizes earn (R), and what serving changes of the outcome per unit of size."""

    name: str
    rate: int
    percent: float
    edge: float = 0.0
    unseen: float = 0.0
    days: int = 1000


CONTRASTS = (
    Contrast("nothing, 10 % held back", 36, 10.0),
    Contrast("nothing, 2 % held back", 36, 2.0),
    Contrast(".03 R, 10 % held back", 36, 10.0, edge=0.03, days=7000),
    Contrast(".03 R, 20 % held back", 60, 20.0, edge=0.03, days=3000),
    Contrast(".03 R that costs .06 R unseen, 20 % held back", 60, 20.0, edge=0.03, unseen=-0.06, days=1500),
)


def outcomes(draw: np.random.Generator, days: int, rate: int, phi: float = 0.0) -> tuple[Ints, Floats]:
    """Return day and outcome of every trade, with the mean 0; the number of trades varies from day to day."""
    counts = 1 + draw.poisson(rate - 1, days)
    common = draw.standard_t(DF, days)
    for each in range(1, days if phi else 0):
        common[each] = phi * common[each - 1] + np.sqrt(1 - phi**2) * common[each]
    day = np.repeat(np.arange(days), counts)
    own = draw.standard_t(DF, len(day))
    scale = SD / np.sqrt(DF / (DF - 2))
    return day, scale * (np.sqrt(SHARED) * common[day] + np.sqrt(1 - SHARED) * own)


def sized(draw: np.random.Generator, rr: Floats, edge: float, tilt: float) -> tuple[Floats, Floats]:
    """Return exposures, and outcomes with the edge that makes them earn `edge` R on average."""
    side = np.where(draw.random(len(rr)) < 0.5, 1.0, -1.0)
    spread = MOST - tilt
    return tilt + spread * side, rr + (edge / spread) * side


def lives(world: World, seed: int, days: int) -> tuple[Sequence[Look], Sequence[Look], Floats]:
    """Return the looks at one simulated life, those of the exposure-neutral line, and the trades at each."""
    draw = np.random.default_rng((seed, 71))
    day, noise = outcomes(draw, days, world.rate, world.phi)
    exposure, rr = sized(draw, noise, world.edge, world.tilt)
    rr = rr + world.mean
    n = np.bincount(day)
    replayed, exposed, out = (np.bincount(day, each) for each in (exposure * rr, exposure, rr))
    columns = zip(n.tolist(), replayed.tolist(), exposed.tolist(), out.tolist(), strict=True)
    found = whole(Day(at, count, count, *sums) for at, (count, *sums) in enumerate(columns))
    return found.looks(), found.neutral_looks(), np.cumsum(n)


def is_said(looks: Sequence[Look], sign: int = 1) -> bool:
    """Whether the interval ever lies above zero (sign 1) or below it."""
    ends = ((look.low if sign > 0 else look.high) for look in looks)
    return any(end is not None and sign * end > 0 for end in ends)


def replays(world: World, seeds: int, days: int) -> None:
    """Print how often the replay of one world is said to earn, at any look or within 2,000 trades."""
    earns, loses, neutral, within = 0, 0, 0, 0
    days = days if not world.edge else 2 * WITHIN // world.rate
    for seed in range(seeds):
        looks, neutral_looks, trades = lives(world, seed, days)
        earns += is_said(looks)
        loses += is_said(looks, -1)
        neutral += is_said(neutral_looks)
        within += is_said(looks[: int(np.searchsorted(trades, WITHIN, side="right"))])
    context = {"world": world.name, "seeds": seeds, "days": days}
    if world.edge:
        figure(BENCH, "found within 2,000 trades", within / seeds, "share", bar=">= 0.8", **context)
        return
    bar = {"bar": "<= 0.05"} if world.has_bar else {}
    if not world.mean:
        figure(BENCH, "said to earn at any look", earns / seeds, "share", **bar, **context)
        figure(BENCH, "said to lose at any look", loses / seeds, "share", **bar, **context)
    figure(BENCH, "exposure-neutral line said to earn", neutral / seeds, "share", **bar, **context)


def drawn(world: Contrast, seed: int) -> Drawn:
    """Return the positions of one life under a holdback."""
    draw = np.random.default_rng((seed, 72))
    day, noise = outcomes(draw, world.days, world.rate)
    exposure, rr = sized(draw, noise, world.edge, 0.0)
    place, percent = draw.uniform(0, 100, len(rr)), np.full(len(rr), world.percent)
    rr = np.where(place >= percent, rr + world.unseen, rr)
    return Drawn(day, rr, np.where(place >= percent, exposure * rr, 0.0), place, percent, percent)


def until(rows: Drawn, day: int) -> HoldbackEffect:
    """Return the contrast as it stood after so many days."""
    n = int(np.searchsorted(rows.day, day))
    floats = [each[:n] for each in (rows.rr, rows.replayed, rows.draw, rows.least, rows.most)]
    return holdback_effect(contrast_days(Drawn(rows.day[:n], *floats)))


def daily(rows: Drawn) -> dict[str, list[DaySums]]:
    """Return the sums of the contrast and of its unseen part after every day on which enough were held back."""
    looks: dict[str, list[DaySums]] = {"whole": [], "unseen": []}
    whole_sums, unseen_sums = DaySums(), DaySums()
    held_back = 0
    for day in contrast_days(rows):
        whole_sums = whole_sums.plus(day.replayed + day.unseen, day.positions)
        unseen_sums = unseen_sums.plus(day.unseen, day.positions)
        held_back += day.held_back
        is_enough = held_back >= FEWEST_HELD_BACK
        looks["whole"].append(whole_sums if is_enough else DaySums())
        looks["unseen"].append(unseen_sums if is_enough else DaySums())
    return looks


def excludes_zero(looks: Sequence[DaySums]) -> int | None:
    """Return the first look whose interval excludes zero."""
    for at, sums in enumerate(looks):
        interval = sums.interval()
        if interval is not None and (interval.is_above_zero or interval.is_below_zero):
            return at
    return None


def narrow(looks: Sequence[DaySums], effect: float) -> int | None:
    """Return after how many days half the interval is no wider than the effect."""
    for at, sums in enumerate(looks):
        interval = sums.interval()
        if interval is not None and interval.high - interval.mean <= effect:
            return at + 1
    return None


def contrasts(world: Contrast, seeds: int) -> None:
    """Print how often the contrast claims something, and whether the months that it states come true."""
    context = {"world": world.name, "seeds": seeds, "days": world.days}
    claims = {"whole": 0, "unseen": 0}
    ratios: list[float] = []
    for seed in range(seeds):
        rows = drawn(world, seed)
        looks = daily(rows)
        if not world.edge or world.unseen:
            for name, found in looks.items():
                claims[name] += excludes_zero(found) is not None
            continue
        actual = narrow(looks["whole"], world.edge)
        early = until(rows, 180)
        stated = replayed_on_all(rows, 180)
        months = early.months_needed(stated)
        if actual is not None and months is not None:
            ratios.append((months * 365.25 / 12 + 180) / actual)
    if not world.edge:
        for name, count in claims.items():
            figure(BENCH, f"holdback: {name} claimed", count / seeds, "share", bar="<= 0.05", **context)
    elif world.unseen:
        figure(BENCH, "holdback: unseen cost found", claims["unseen"] / seeds, "share", **context)
    else:
        right = sum(1 / FACTOR <= ratio <= FACTOR for ratio in ratios) / max(1, len(ratios))
        figure(BENCH, "holdback: months stated / true", median(ratios), "ratio", bar="0.67 to 1.5", **context)
        figure(BENCH, "holdback: months right within 1.5", right, "share", **context, lives=len(ratios))


def replayed_on_all(rows: Drawn, day: int) -> float:
    """Return the mean that the replay of the served positions states per position after so many days."""
    n = int(np.searchsorted(rows.day, day))
    return float(rows.replayed[:n].sum() / max(1, np.count_nonzero(rows.is_served[:n])))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worlds whose names contain a word."""
    parser = argparse.ArgumentParser(prog="bench earned", description=__doc__)
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--trades", type=int, default=0, help="measure keeping and reading so many trades instead")
    options = parser.parse_args(arguments)
    if options.trades:
        tables(options.trades)
        return
    for world in WORLDS:
        if options.only in world.name:
            replays(world, options.seeds, options.days)
    for contrast in CONTRASTS:
        if options.only in contrast.name:
            seeds = options.seeds if not contrast.edge else max(1, options.seeds // 8)
            contrasts(contrast, seeds)


if __name__ == "__main__":
    main()
