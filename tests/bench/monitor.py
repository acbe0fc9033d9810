"""How often the monitor disables what works, and how soon it finds what does not: planted streams, fresh seeds.

The outcomes are skewed, of sd 1.4 R. In the reference world a line has one trade a day; in the others several, which
are independent or share a market (`correlation` of two trades of one day). `per_trade` steps the same bets with each
trade, which is what the days protect from. The guard watches the uplift of a module that earns +.03 R a trade.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import numpy as np

from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums
from overrides.core.monitoring.watching.e_detector import (
    AMBER,
    CLIP,
    INDEPENDENT_DAYS,
    LIMIT,
    SHARES,
    Detector,
    Floats,
    stepped,
)
from overrides.core.monitoring.watching.watched_stream import Counted
from overrides.models import Monitor
from overrides.monitoring.watching.counting import fold_all, new_monitor
from tests.bench.report import figure, scratch_database, timed

SIGMA, EDGE, HARM = 1.4, 0.25, -0.15
TRADES, FLIP = 1500, 300
SEED = 20261130


@dataclass(frozen=True)
class World:
    """Trades of one line a day, and the correlation of two of them."""

    name: str
    a_day: int
    correlation: float


WORLDS = (
    World("one a day", 1, 0.0),
    World("3 a day", 3, 0.0),
    World("10 a day", 10, 0.0),
    World("3 a day, one market", 3, 0.35),
    World("10 a day, one market", 10, 0.35),
)


def outcomes(rng: np.random.Generator, world: World, streams: int, days: int) -> Floats:
    """Return skewed outcomes of mean 0 and sd `SIGMA` as (streams, days, trades a day)."""

    def skewed(*shape: int) -> Floats:
        found: Floats = (rng.gamma(2.0, 1.0, shape) - 2) / np.sqrt(2)
        return found

    market, own = skewed(streams, days, 1), skewed(streams, days, world.a_day)
    found: Floats = SIGMA * (np.sqrt(world.correlation) * market + np.sqrt(1 - world.correlation) * own)
    return found


def alarms(y: Floats, *, per_trade: bool = False) -> tuple[Floats, Floats]:
    """Return after how many trades each stream was disabled and marked amber; infinite where it was not."""
    u = np.clip(y / SIGMA, -CLIP, CLIP)
    if per_trade:
        u = u.reshape(len(u), -1, 1)
    streams, days, a_day = u.shape
    trades, good = np.full(streams, float(a_day)), EDGE / SIGMA
    capital, cusum = np.zeros((streams, len(SHARES))), np.zeros(streams)
    red, amber = np.full(streams, np.inf), np.full(streams, np.inf)
    total, squares = np.zeros(streams), np.zeros(streams)
    for day in range(days):
        of_day = u[:, day].sum(axis=1)
        spread = squares - total**2 / max(1, day * a_day)
        effect = np.maximum(1.0, (INDEPENDENT_DAYS + spread) / (INDEPENDENT_DAYS + day))
        capital = stepped(capital, trades, of_day, np.ones(streams) if per_trade else effect)
        cusum = np.maximum(0.0, cusum - 2 * good * of_day / effect)
        total, squares = total + of_day, squares + of_day**2 / a_day
        now = float((day + 1) * a_day)
        red = np.where((capital.mean(axis=1) >= LIMIT) & np.isinf(red), now, red)
        amber = np.where((cusum >= AMBER) & np.isinf(amber), now, amber)
    return red, amber


def detector(world: World, streams: int, seed: int, *, per_trade: bool = False) -> None:
    """Print the figures of one world."""
    rng = np.random.default_rng(seed)
    days = TRADES // world.a_day
    flips = np.where(np.arange(days) * world.a_day < FLIP, EDGE, -EDGE)[None, :, None]
    at = -(-FLIP // world.a_day) * world.a_day
    name = f"{world.name}{', stepped by trade' if per_trade else ''}"
    working, amber = alarms(outcomes(rng, world, streams, days) + EDGE, per_trade=per_trade)
    harmful, _ = alarms(outcomes(rng, world, streams, days) + HARM, per_trade=per_trade)
    flipped, _ = alarms(outcomes(rng, world, streams, days) + flips, per_trade=per_trade)
    independent = world.correlation == 0
    unbound = "none: shown to compare" if per_trade else None
    delays = flipped[flipped > at] - at

    def say(what: str, value: float, unit: str, bar: str) -> None:
        figure("monitor", what, value, unit, world=name, streams=streams, bar=unbound or bar)

    say("working overrides disabled", float(np.isfinite(working).mean()), "share", "<= .01")
    say("harmful overrides caught", float(np.isfinite(harmful).mean()), "share", ">= .95")
    say("delay after a flip", float(np.median(delays)), "trades", "<= 200" if independent else "reported")
    effect = 1 + (world.a_day - 1) * world.correlation
    if not independent:
        say("delay after a flip, effective", float(np.median(delays)) / effect, "trades", "<= 200")
    say("working overrides ever amber", float(np.isfinite(amber).mean()), "share", "reported")


def guard(streams: int, days: int, seed: int, movement: float, mean: float) -> None:
    """Print how often a module that earns `mean` R a trade is dropped, looked at each day.

    The uplift of a trade is `movement` times an outcome; five trades a day share half their variance.
    """
    rng = np.random.default_rng(seed)
    dropped = 0
    day = World("", 5, 0.35)
    for _ in range(streams):
        values = outcomes(rng, day, 1, days)[0] * movement + mean
        sums = DaySums()
        for number, total in enumerate(values.sum(axis=1)):
            sums = sums.plus(float(total), 5)
            found = sums.interval() if number + 1 >= FEWEST_DAYS else None
            if found is not None and found.is_below_zero:
                dropped += 1
                break
    bar = "<= .01" if mean > 0 else "reported"
    figure(
        "monitor", "modules dropped", dropped / streams, "share",
        earns=mean, movement=movement, days=days, streams=streams, bar=bar,
    )  # fmt: skip


def cost(rounds: int) -> None:
    """Print what one more trade costs after 1,000 and after 100,000 trades."""
    rng = np.random.default_rng(SEED)
    for past in (1_000, 100_000):
        state = Detector()
        for number, u in enumerate(rng.normal(0.2, 1.0, past)):
            state = state.plus(number // 3, float(u), 0.2)
        began = time.process_time()
        for number in range(rounds):
            state = state.plus(past + number, 0.1, 0.2)
        figure("monitor", "a trade", (time.process_time() - began) / rounds * 1e6, "us", past_trades=past, bar="O(1)")


def stored_cost(rounds: int, pasts: tuple[int, ...]) -> None:
    """Print what counting one more trade in the database costs, by how many were counted before."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for past in pasts:
        row = new_monitor("pm", Monitor.Kind.LINE, f"line of {past}", start, start)
        step = timedelta(hours=8)
        counted = [Counted(start + number * step, UUID(int=number), 0.1, 0.1, 0.2) for number in range(past + rounds)]
        for chunk in range(0, past, 5000):
            news = {f"t{number}": counted[number] for number in range(chunk, min(chunk + 5000, past))}
            fold_all({row.name: row}, {row.name: news}, None, counted[min(chunk + 5000, past) - 1].closed_at)
        seconds = []
        for number, each in list(enumerate(counted))[past:]:
            news = {f"t{number}": each}
            seconds.append(timed(partial(fold_all, {row.name: row}, {row.name: news}, None, each.closed_at)).wall)
        middle = sorted(seconds)[rounds // 2]
        figure("monitor", "a trade, stored", middle * 1e3, "ms", past_trades=past, bar="O(1)")


def run(
    *,
    streams: int = 2000,
    guarded: int = 1000,
    days: int = 400,
    rounds: int = 2000,
    stored: int = 50,
    pasts: tuple[int, ...] = (1_000, 100_000),
    seed: int = SEED,
    scratch: Callable[[], AbstractContextManager[None]] = scratch_database,
) -> None:
    """Print all figures."""
    for number, world in enumerate(WORLDS):
        detector(world, streams, seed + number)
    for number, world in enumerate(WORLDS[1:]):
        if world.correlation:
            detector(world, streams, seed + 10 + number, per_trade=True)
    for number, (movement, mean) in enumerate(((0.1, 0.03), (0.3, 0.03), (0.3, 0.0), (0.1, -0.03))):
        guard(guarded, days, seed + 20 + number, movement, mean)
    cost(rounds)
    with scratch():
        stored_cost(stored, pasts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    run(streams=options.streams, seed=options.seed)


if __name__ == "__main__":
    main()
