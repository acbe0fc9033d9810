"""Results in R that only price bars can tell: what followed a sale, what each leg earned, an entry made later.

One R is `risk`, a fraction of the open rate. Results are after fees and per unit of size: a leg earns (net sale - net
purchase) / (net open rate · risk), so the legs of a trade, weighed by their fractions, add up to its rr. Funding,
interest and leverage are in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .bars import SECONDS, Bars

HELD_BARS = 24
DELAYS = (0, 1, 2, 3, 6)
TAKEN_DELAY = "0"


@dataclass(frozen=True, slots=True)
class Order:
    """A filled order: when (epoch seconds), at what mean price, and its part of the total amount entered."""

    at: int
    price: float
    fraction: float


@dataclass(frozen=True, slots=True)
class Deal:
    """A closed trade as prices saw it; entries and exits are in time order, and there is at least one of each.

    `side` is 1 or -1, `open_rate` the mean entry price, `risk` one R as a fraction of it, fees are fractions of value.
    """

    side: int
    open_rate: float
    risk: float
    fee_open: float
    fee_close: float
    entries: Sequence[Order]
    exits: Sequence[Order]

    def leg(self, bought: float, sold: float) -> float:
        """Return the result in R of a unit entered at one price and left at another; short: sold first.

        >>> deal = Deal(1, 100.0, 0.02, 0.0, 0.0, [Order(0, 100.0, 1.0)], [Order(60, 103.0, 1.0)])
        >>> deal.leg(100.0, 103.0), Deal(-1, 100.0, 0.02, 0.0, 0.0, deal.entries, deal.exits).leg(100.0, 103.0)
        (1.5, -1.5)
        """
        entered, left = 1 + self.side * self.fee_open, 1 - self.side * self.fee_close
        return self.side * (sold * left - bought * entered) / (self.open_rate * entered * self.risk)

    @property
    def exit_price(self) -> float:
        """The price of the last exit."""
        return self.exits[-1].price

    def sold_from(self, at: int) -> float:
        """Return the mean price of the exits at or after a time, weighed by their amounts."""
        later = [order for order in self.exits if order.at >= at] or [self.exits[-1]]
        return sum(each.price * each.fraction for each in later) / sum(each.fraction for each in later)


@dataclass(frozen=True, slots=True)
class Followed:
    """A result, and when it was known (epoch seconds)."""

    rr: float
    known_at: int


def after_trim(deal: Deal, trim: Order) -> Followed:
    """Return what a unit sold by a trim would have earned had it stayed until the trade's last exit."""
    earned = deal.leg(deal.open_rate, deal.exit_price) - deal.leg(deal.open_rate, trim.price)
    return Followed(earned, deal.exits[-1].at)


def after_exit(deal: Deal, bars: Bars) -> Followed | None:
    """Return what a unit of the last exit would have earned until the close of the 24th bar after the exit's bar.

    The bars are those of the trade's timeframe. None if they do not hold the exit's bar, or end too early.
    """
    bar = bar_of(bars, deal.exits[-1].at)
    if bar is None or bar + HELD_BARS >= len(bars):
        return None
    last = bar + HELD_BARS
    held_on = deal.leg(deal.open_rate, float(bars.close[last])) - deal.leg(deal.open_rate, deal.exit_price)
    return Followed(held_on, int(bars.end[last]))


def leg_of(deal: Deal, entry: Order) -> float:
    """Return what one entry or add earned per unit of its size, sold at the mean price of the exits that followed."""
    return deal.leg(entry.price, deal.sold_from(entry.at))


@dataclass(frozen=True, slots=True)
class Delays:
    """The trade's rr had its first entry come some bars later (arm: bars), and when the last arm was known."""

    arms: Mapping[str, float]
    known_at: int


def entry_delays(deal: Deal, bars: Bars, rr: float) -> Delays | None:
    """Return the rr of the trade for each delay of its first entry, with its actual exit and in its own R.

    The arm "0" was taken and is the trade's `rr` itself. A later entry fills at the open of its bar, with the same
    amount; adds are as they were. An entry at or after the exit is not made, so that its leg earns nothing. The bars
    are those of the trade's timeframe. None where an arm is not known: the bars end before it, the first fill is not
    within its bar (the open rate is the mean of fills that the file does not tell), or another order but the last exit
    was filled before the last arm.
    """
    first, out = deal.entries[0], deal.exits[-1]
    bar = bar_of(bars, first.at)
    if bar is None or bar + DELAYS[-1] >= len(bars) or not _within(bars, bar, first.price):
        return None
    last = int(bars.time[bar + DELAYS[-1]])
    if any(order.at < last for order in (*deal.entries[1:], *deal.exits[:-1])):
        return None
    arms = {TAKEN_DELAY: rr}
    for delay in DELAYS[1:]:
        later, price = int(bars.time[bar + delay]), float(bars.open[bar + delay])
        if later < out.at:
            arms[str(delay)] = rr + first.fraction * (deal.leg(price, price) - deal.leg(first.price, price))
        else:
            arms[str(delay)] = 0.0 if len(deal.entries) == 1 else rr - first.fraction * leg_of(deal, first)
    return Delays(arms, last)


def bar_of(bars: Bars, at: int) -> int | None:
    """Return the number of the bar that was open at a time in epoch seconds; None in a gap or outside the data."""
    bar = int(np.searchsorted(bars.time, at, side="right")) - 1
    return bar if bar >= 0 and at < int(bars.time[bar]) + SECONDS[bars.timeframe] else None


def _within(bars: Bars, bar: int, price: float) -> bool:
    tolerance = 1e-9 * price
    return float(bars.low[bar]) - tolerance <= price <= float(bars.high[bar]) + tolerance
