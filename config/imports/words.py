"""Words and tables that the reports of imports and of first looks share."""

from __future__ import annotations

from collections.abc import Mapping

from config.imports.bars import FromBars
from config.imports.document import Table
from telemetry.foundation.core.number_text import fixed

NONE = "\N{EN DASH}"
NEXT = "What is next"
GIVE_BARS = (
    "Give the price bars you have on disk, such as freqtrade's user_data/data/EXCHANGE, with --bars DIR: they give "
    "scopes and R."
)
BRING_BARS = f"Many of these trades have no scope or no unit of risk, so little can be learned from them. {GIVE_BARS}"
BRING_OTHER_BARS = (
    "The price bars given do not reach most of these trades, so they have no unit of risk and teach nothing: give bars "
    "of their pairs and days, from at least 30 days before the first of them."
)
BOOK_OF_BACKTESTS = (
    "Keep trades of backtests in a book of their own. A module learns from it once a request adds it to the module's "
    "books, which the admin's page Trades by book drafts."
)
BRING_SCOPES = (
    "Most trades have no scope, so nothing can be learned about the market: send a scope with each action, or bars of "
    "the pairs and days that the trades are of."
)


def share(count: int, of: int) -> str:
    """Return a share in per cent, whole only where it is nothing or everything.

    >>> share(3, 3), share(1, 3), share(0, 0)
    ('100 %', '33.3 %', '\N{EN DASH}')
    """
    return NONE if not of else f"{fixed(100 * count / of, 1 if count not in (0, of) else 0)} %"


def bars_table(given: Mapping[str, FromBars]) -> Table:
    """Return what bars gave to opening actions, by dimension."""
    rows = [
        (name, f"{each.given:,}", share(each.given, each.ready), "; ".join(each.reasons))
        for name, each in given.items()
    ]
    return Table(("dimension", "opening actions with it", "where warmed up", "missing because"), rows, "tnnt")
