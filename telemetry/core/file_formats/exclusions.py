"""Why a trade of a file is kept but not learned from; each reason is a fixed sentence, so that reports can count it."""

from __future__ import annotations

FORCED = "closed by force at the end of a backtest, so its outcome is not known"
NO_BARS = (
    "no unit of risk: its strategy has no real stop (0.3 to 15 % of the price, not moved by code), and no price bars "
    "of its pair were given that reach far enough back before its entry to take 2 ATR"
)
NO_STOP = "no unit of risk: its strategy is measured by the first stop, and this trade has no real one"
WITHOUT_UNIT = frozenset({NO_BARS, NO_STOP})
