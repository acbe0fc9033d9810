"""Attributed trades as rows of the tables that keep what they earned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from telemetry.decisions.attributed_trades import Attributed

SUM_COLUMNS = ("trade_id", "rr", "total", "carried", "residual")
SHARE_COLUMNS = ("attribution_id", "decision_id", "lever", "override_id", "line_id", "part", "share")
OUTCOME_COLUMNS = ("trade_id", "decision_id", "action_index", "rr", "unattributed", "misfit")
Row = tuple[Any, ...]


def sum_rows(attributed: Iterable[Attributed]) -> Iterator[Row]:
    """Yield a row of SUM_COLUMNS for each trade."""
    for each in attributed:
        sums = each.sums
        yield each.trade.id, each.trade.rr, sums.total, sums.carried, sums.residual


def share_rows(attributed: Iterable[Attributed]) -> Iterator[Row]:
    """Yield a row of SHARE_COLUMNS for each part that has a share."""
    for each in attributed:
        shares = each.sums.shares
        for name, (where, line, part) in each.parts.items():
            if name in shares:
                yield each.trade.id, where.decision_id, where.lever, where.override_id, line, part, shares[name]


def outcome_rows(attributed: Iterable[Attributed]) -> Iterator[Row]:
    """Yield a row of OUTCOME_COLUMNS for each decision that an action names."""
    for each in attributed:
        for row in each.outcomes:
            yield each.trade.id, row.decision_id, row.action_index, row.rr, row.unattributed, row.misfit
