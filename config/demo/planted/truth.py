"""The truth of the planted demo: which trades do better or worse than their pattern's mean, how much, and until when.

Everything here is made up, so that what the system states can be compared with it. Days count from the first trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DAYS = 406  # 58 weeks
MEAN = 0.05  # R per trade of every pattern, before effects
SD = 0.8  # R, of one trade around its mean: calmer than most real trades, so that a year is enough to tell
DAY_SD = 0.15  # R, of what all trades of a day share

FLIPS_AT, FADES_AT, DELISTED_AT = 280, 217, 133

BREAKOUT, FADE, DIP = "planted.long.breakout", "planted.short.fade", "planted.long.dip"


@dataclass(frozen=True)
class Phase:
    """An effect in R per trade that holds from a day on."""

    since: int
    effect: float


@dataclass(frozen=True)
class Effect:
    """What trades of one pattern with one value of a dimension earn beside the pattern's mean, phase after phase."""

    pattern: str
    dimension: str
    value: str
    phases: tuple[Phase, ...]

    def on(self, day: int) -> float:
        """Return the effect on a day, in R per trade.

        >>> Effect("a.b.c", "bucket", "small", (Phase(0, 0.5), Phase(10, -0.5))).on(10)
        -0.5
        """
        return [phase.effect for phase in self.phases if phase.since <= day][-1]


@dataclass(frozen=True)
class Pattern:
    """How often a pattern trades, and how often each value of its dimensions is met."""

    key: str
    side: str
    trades_a_day: int
    values: Mapping[str, Mapping[str, float]]


SIZES = {"small": 0.4, "mid": 0.3, "big": 0.3}
FRAMES = {"1h": 0.5, "4h": 0.5}
LEADERS = {"alt": 0.5, "btc": 0.5}
FAMILIES = {"eth": 0.5, "btc": 0.35, "legacy": 0.15}  # `legacy` is delisted on DELISTED_AT

PATTERNS = (
    Pattern(BREAKOUT, "long", 16, {"bucket": SIZES, "timeframe": FRAMES}),
    Pattern(FADE, "short", 8, {"bucket_leader": LEADERS, "timeframe": FRAMES}),
    Pattern(DIP, "long", 12, {"timeframe": FRAMES, "market_family": FAMILIES}),
)

EFFECTS = (
    Effect(BREAKOUT, "bucket", "small", (Phase(0, 0.5), Phase(FLIPS_AT, -0.5))),  # earns, then does the opposite
    Effect(BREAKOUT, "bucket", "big", (Phase(0, -0.5),)),  # lasts
    Effect(DIP, "timeframe", "4h", (Phase(0, 0.5), Phase(FADES_AT, 0.12))),  # fades to a quarter
    Effect(DIP, "market_family", "legacy", (Phase(0, -0.8),)),  # lasts, and is not met after the delisting
)  # the pattern FADE has no effect at all


def edge(pattern: Pattern, dimension: str, value: str, day: int) -> float:
    """Return by how much trades with a value of a dimension differ from the mean of all trades, in R.

    The evidence method measures edges from that mean too. Dimensions are drawn independently of each other.

    >>> round(edge(PATTERNS[0], "bucket", "small", 0), 3)
    0.434
    """
    trades = sum(each.trades_a_day for each in PATTERNS)
    mean = sum(each.trades_a_day * _mean_effect(each, day) for each in PATTERNS) / trades
    return _mean_effect(pattern, day, {dimension: value}) - mean


def _mean_effect(pattern: Pattern, day: int, known: Mapping[str, str] | None = None) -> float:
    """Return the mean of all effects on a pattern's trades, given some values of their scope."""
    total = 0.0
    for each in EFFECTS:
        if each.pattern == pattern.key:
            value = (known or {}).get(each.dimension)
            share = pattern.values[each.dimension][each.value] if value is None else float(value == each.value)
            total += share * each.on(day)
    return total


def expected(pattern: str, scope: Mapping[str, str], day: int) -> float:
    """Return the true mean of a trade, in R.

    >>> round(expected(DIP, {"timeframe": "4h", "market_family": "legacy"}, 0), 2)
    -0.25
    """
    return MEAN + sum(
        each.on(day) for each in EFFECTS if each.pattern == pattern and scope.get(each.dimension) == each.value
    )
