"""The unit of risk, R, in which the outcomes of a strategy are measured: its first stop, or 2 ATR.

The choice is made once per strategy, because outcomes in different units cannot be pooled. A stop that lies half the
price away is never reached and says nothing of what the strategy risks; a realized drawdown is never the unit, because
it is the outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

NARROWEST_STOP, WIDEST_STOP = 0.003, 0.15  # distance of a real stop from the price, as a ratio of it
REAL_ENOUGH = 0.9  # the share of real stops from which on a strategy is measured by its stop
ATRS = 2.0
LEAST_RISK = 0.004  # of the price, since the ATR of a flat pair is nearly 0


class Unit(StrEnum):
    """What one R is."""

    STOP = "stop"
    ATR = "atr"

    @property
    def words(self) -> str:
        """The unit in words.

        >>> Unit.STOP.words, Unit.ATR.words
        ('its first stop', '2 ATR at entry, at least 0.4 % of the price')
        """
        return "its first stop" if self is Unit.STOP else "2 ATR at entry, at least 0.4 % of the price"


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """The unit of a strategy and the stops on which the choice rests: how many were looked at, and how many are real.

    Both counts are 0 where a person chose.
    """

    unit: Unit
    trades: int = 0
    real_stops: int = 0

    @property
    def reason(self) -> str:
        """The reason as a sentence.

        >>> UnitChoice(Unit.STOP, 40, 39).reason
        '39 of 40 trades have a real stop, 0.3 to 15 % from the price and not moved by code; 90 % are needed.'
        """
        if not self.trades:
            return "It was chosen by hand."
        real = f"{self.real_stops:,} of {self.trades:,} trades have a real stop"
        return f"{real}, 0.3 to 15 % from the price and not moved by code; {100 * REAL_ENOUGH:.0f} % are needed."


def has_real_stop(stop_ratio: float | None, leverage: float, is_custom: bool | None) -> bool:
    """Return whether a stop is what the trade risks: .3 to 15 % from the price and not moved by the strategy's code.

    `stop_ratio` is the distance of the stop as a ratio of the stake, which the leverage magnifies.

    >>> has_real_stop(0.1, 1.0, None), has_real_stop(0.99, 1.0, None), has_real_stop(0.3, 3.0, False)
    (True, False, True)
    """
    if stop_ratio is None or is_custom or not leverage > 0:
        return False
    return NARROWEST_STOP - 1e-12 <= abs(stop_ratio) / leverage <= WIDEST_STOP + 1e-12


def choose_unit(real_stops: Iterable[bool]) -> UnitChoice:
    """Return the unit of a strategy, given of each of its trades whether its stop is real.

    It is the stop if at least nine of ten are, else 2 ATR.

    >>> choose_unit([True] * 9 + [False]).unit, choose_unit([True, False]).unit, choose_unit([]).unit
    (<Unit.STOP: 'stop'>, <Unit.ATR: 'atr'>, <Unit.ATR: 'atr'>)
    """
    stops = list(real_stops)
    is_stop = bool(stops) and sum(stops) >= REAL_ENOUGH * len(stops)
    return UnitChoice(Unit.STOP if is_stop else Unit.ATR, len(stops), sum(stops))


def rr_by_stop(profit_ratio: float, stop_ratio: float) -> float:
    """Return the outcome in R of the first stop; both arguments are ratios of the stake. The stop must not be 0.

    >>> rr_by_stop(0.05, -0.1)
    0.5
    """
    return profit_ratio / abs(stop_ratio)


def rr_by_atr(profit_ratio: float, leverage: float, atr: float, price: float) -> float:
    """Return the outcome in R of 2 ATR at entry, at least .4 % of the price; `atr` and `price` are in quote currency.

    >>> rr_by_atr(0.02, 1.0, 0.5, 100.0), rr_by_atr(0.02, 1.0, 0.0, 100.0)
    (2.0, 5.0)
    """
    return profit_ratio / (leverage * max(ATRS * atr / price, LEAST_RISK))
