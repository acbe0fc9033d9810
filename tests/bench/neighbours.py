"""How often the monitor disables a line for a neighbour's shortfall, and how soon it finds the one that fell short.

Lines of one pattern act together: `nested` has one line that always acts, three that act in half of the trades, and two
within those; `crossed` five that act independently in half of them; `pair` two that are alone in one trade of ten. Each
promises .25 R with an sd of .1 R, and one of them is not what it promised. A line that is disabled acts no more.
`promises` is the detector on residuals that take the neighbours' promises for true, which is what red means;
`judged` is the monitor: it disables what is red and to blame (docs/method.md 13.3).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from overrides.core.monitoring.watching.e_detector import CLIP, INDEPENDENT_DAYS, LIMIT, SHARES, Floats, stepped
from overrides.core.monitoring.watching.neighbours import REMAINS, WIDER
from tests.bench.report import figure

SIGMA, EDGE, SD = 1.4, 0.25, 0.1
TRADES, FLIP = 3000, 600  # of the pattern
WITHIN = 1500  # trades of a line
SEED = 20261201
Bools = NDArray[np.bool_]


def nested(rng: np.random.Generator, *shape: int) -> Bools:
    """Return which lines match, as (*shape, 6): one always, three in half of the trades, two where two of these do."""
    half = rng.random((*shape, 3)) < 0.5
    return np.concatenate([np.ones((*shape, 1), bool), half, half[..., :2] & half[..., 1:]], axis=-1)


def crossed(rng: np.random.Generator, *shape: int) -> Bools:
    """Return which of five independent lines match, as (*shape, 5)."""
    return rng.random((*shape, 5)) < 0.5


def pair(rng: np.random.Generator, *shape: int) -> Bools:
    """Return which of two lines match that are alone in one trade of ten, as (*shape, 2)."""
    place = rng.random(shape)
    return np.stack([place < 0.95, place > 0.05], axis=-1)


@dataclass(frozen=True)
class World:
    """Lines that act together; the one numbered `guilty` has the edge `before` a flip and `after` it, in R."""

    name: str
    matches: Callable[..., Bools]
    guilty: int
    before: float
    after: float


WORLDS = (
    World("all work", nested, 0, EDGE, EDGE),
    World("the widest never worked", nested, 0, 0.0, 0.0),
    World("the widest dies", nested, 0, EDGE, 0.0),
    World("the widest turns", nested, 0, EDGE, -EDGE),
    World("the widest harms", nested, 0, -0.15, -0.15),
    World("a narrow one never worked", nested, 4, 0.0, 0.0),
    World("a middle one harms", nested, 1, -0.15, -0.15),
    World("one of five never worked", crossed, 0, 0.0, 0.0),
    World("one of five turns", crossed, 0, EDGE, -EDGE),
    World("one of a pair turns", pair, 0, EDGE, -EDGE),
)


@dataclass
class Detectors:
    """Many detectors at once, each field `(streams, lines)`: those of `e_detector`, with its sums over closed days."""

    capital: Floats
    days: Floats = field(init=False)
    trades: Floats = field(init=False)
    total: Floats = field(init=False)
    squares: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.days, self.trades, self.total, self.squares = (np.zeros(self.capital.shape[:2]) for _ in range(4))

    @property
    def level(self) -> Floats:
        """The mean capital of each."""
        found: Floats = self.capital.mean(axis=-1)
        return found

    @property
    def effect(self) -> Floats:
        """The design effect of each."""
        spread = self.squares - self.total**2 / np.maximum(self.trades, 1)
        found: Floats = np.maximum(1, (INDEPENDENT_DAYS + spread) / (INDEPENDENT_DAYS + self.days))
        return found

    def step(self, trades: Floats, total: Floats) -> None:
        """Add a day with so many trades and such sums of u; those without a trade stay as they are."""
        least = np.maximum(trades, 1)
        new = stepped(self.capital.reshape(-1, len(SHARES)), least.ravel(), total.ravel(), self.effect.ravel())
        self.capital = np.where((trades > 0)[..., None], new.reshape(self.capital.shape), self.capital)
        self.squares += total**2 / least
        self.days += trades > 0
        self.trades += trades
        self.total += total


class Group:
    """The detectors of all lines of many streams, beside promises and beside what the others realised."""

    def __init__(self, streams: int, lines: int) -> None:
        self.promised = Detectors(np.zeros((streams, lines, len(SHARES))))
        self.remaining = Detectors(np.zeros((streams, lines, len(SHARES))))
        self.shift = np.zeros((streams, lines))

    def add(self, acted: Bools, surprise: Floats) -> None:
        """Add a day: `acted` (streams, trades, lines), and the outcomes less all predictions (streams, trades)."""
        shift = (acted * self.shift[:, None, :]).sum(axis=-1, keepdims=True)
        others = shift - acted * self.shift[:, None, :]
        trades = acted.sum(axis=1).astype(np.float64)
        variance, effect = (WIDER * SD) ** 2, self.promised.effect
        together = variance * acted.sum(axis=-1, keepdims=True)
        spread = trades[:, None, :] * together + SIGMA**2 * effect[:, None, :]
        learned = (acted * variance * (surprise[..., None] - shift) / spread).sum(axis=1)
        residual = EDGE + surprise[..., None]
        for detectors, less in ((self.promised, 0.0), (self.remaining, others)):
            detectors.step(trades, (np.clip((residual - less) / SIGMA, -CLIP, CLIP) * acted).sum(axis=1))
        self.shift = self.shift + learned

    def to_blame(self, standing: Bools) -> Bools:
        """Return which lines are red and to blame, as (streams, lines)."""
        remaining = self.remaining.level
        most = np.where(standing, remaining, -1).max(axis=1, keepdims=True)
        found: Bools = self.is_red & ((remaining >= LIMIT) | ((remaining >= REMAINS) & (remaining >= most)))
        return found

    @property
    def is_red(self) -> Bools:
        """Which lines are above the limit."""
        found: Bools = self.promised.level >= LIMIT
        return found


def disabled(
    world: World, streams: int, a_day: int, correlation: float, seed: int, *, judged: bool, trades: int = TRADES
) -> Floats:
    """Return after how many of its trades each line was disabled, as (streams, lines); infinite where it was not."""
    rng = np.random.default_rng(seed)
    lines = world.matches(rng, 1).shape[-1]
    group, standing = Group(streams, lines), np.ones((streams, lines), bool)
    found = np.full((streams, lines), np.inf)
    for day in range(trades // a_day):
        acted = world.matches(rng, streams, a_day) & standing[:, None, :]
        edges = np.full(lines, EDGE)
        edges[world.guilty] = world.before if day * a_day < FLIP else world.after
        skewed = [(rng.gamma(2.0, 1.0, (streams, each)) - 2) / np.sqrt(2) for each in (1, a_day)]
        noise = SIGMA * (np.sqrt(correlation) * skewed[0] + np.sqrt(1 - correlation) * skewed[1])
        group.add(acted, (acted * (edges - EDGE)).sum(axis=-1) + noise)
        out = (group.to_blame(standing) if judged else group.is_red) & standing & acted.any(axis=1)
        found = np.where(out, group.promised.trades, found)
        standing &= ~out
    return found


def run(*, streams: int = 300, seed: int = SEED, worlds: tuple[World, ...] = WORLDS, trades: int = TRADES) -> None:
    """Print all figures."""
    for a_day, correlation in ((1, 0.0), (10, 0.0), (10, 0.35)):
        for number, world in enumerate(worlds):
            for judged in (False, True):
                found = disabled(world, streams, a_day, correlation, seed + number, judged=judged, trades=trades)
                is_guilty = np.arange(found.shape[1]) == world.guilty
                is_guilty &= world.after < EDGE
                rule = "judged" if judged else "promises"
                about = {"world": world.name, "a_day": a_day, "correlation": correlation, "rule": rule}
                innocent = found[:, ~is_guilty] <= WITHIN
                bar = "<= .01" if judged else "none: shown to compare"
                figure("neighbours", "innocent lines disabled", float(innocent.mean()), "share", **about, bar=bar)
                if is_guilty.any():
                    of_guilty = found[:, is_guilty]
                    figure("neighbours", "guilty lines disabled", float((of_guilty <= WITHIN).mean()), "share", **about)
                    figure("neighbours", "median", float(np.median(of_guilty)), "trades of the line", **about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    run(streams=options.streams, seed=options.seed)


if __name__ == "__main__":
    main()
