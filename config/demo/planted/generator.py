"""The planted bot's trades: drawn from `truth`, the same for the same seed. Standard library and numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from config.demo.planted.truth import DAY_SD, DAYS, DELISTED_AT, PATTERNS, SD, Pattern, expected

SEED = 11
DEGREES = 6  # of freedom of Student's t: rare large outcomes, as real trades have them
LEGACY = ("market_family", "legacy")
MINUTES_A_DAY = 24 * 60
LONGEST_HOURS = 6


@dataclass(frozen=True)
class PlantedTrade:
    """One trade: what the bot knows when it opens, what it earns per unit of size, and its true mean."""

    number: int
    day: int
    pattern: str
    side: str
    scope: Mapping[str, str]
    opened_at: datetime
    closed_at: datetime
    rr: float
    mean: float

    @property
    def external_id(self) -> str:
        """The id of the trade, which is also that of its position."""
        return f"planted:{self.number:05d}"


def planted_trades(start: datetime, *, seed: int = SEED, days: int = DAYS) -> list[PlantedTrade]:
    """Return the trades of all patterns by the time they open, on days 0 to `days` - 1 from `start` (aware, UTC).

    All trades of a day share one shock. A trade opens and closes on the same day.
    """
    rng = np.random.default_rng(seed)
    trades: list[PlantedTrade] = []
    for day in range(days):
        shock = float(rng.normal(0.0, DAY_SD))
        opened = [(minute, pattern) for pattern in PATTERNS for minute in _minutes(rng, pattern)]
        for minute, pattern in sorted(opened, key=lambda each: (each[0], each[1].key)):
            trades.append(_trade(rng, len(trades), start + timedelta(days=day), day, minute, pattern, shock))
    return trades


def _minutes(rng: np.random.Generator, pattern: Pattern) -> Iterator[int]:
    latest = MINUTES_A_DAY - LONGEST_HOURS * 60
    yield from rng.integers(0, latest, size=pattern.trades_a_day).tolist()


def _trade(
    rng: np.random.Generator, number: int, midnight: datetime, day: int, minute: int, pattern: Pattern, shock: float
) -> PlantedTrade:
    scope = {name: _value(rng, name, shares, day) for name, shares in pattern.values.items()}
    opened_at = midnight + timedelta(minutes=minute)
    mean = expected(pattern.key, scope, day)
    noise = float(rng.standard_t(DEGREES)) * SD / float(np.sqrt(DEGREES / (DEGREES - 2)))
    return PlantedTrade(
        number=number,
        day=day,
        pattern=pattern.key,
        side=pattern.side,
        scope=scope,
        opened_at=opened_at,
        closed_at=opened_at + timedelta(minutes=int(rng.integers(30, LONGEST_HOURS * 60))),
        rr=round(mean + shock + noise, 6),
        mean=mean,
    )


def _value(rng: np.random.Generator, dimension: str, shares: Mapping[str, float], day: int) -> str:
    """Draw a value by its share; a delisted one leaves its share to the others."""
    known = {value: share for value, share in shares.items() if day < DELISTED_AT or (dimension, value) != LEGACY}
    chances = np.array(list(known.values()))
    return str(rng.choice(list(known), p=chances / chances.sum()))
