"""Attributed trades as rows of the tables that keep what they earned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

from telemetry.decisions.attributed_trades import Attributed
from telemetry.foundation.bulk_copy import copy_binary
from telemetry.foundation.core.binary_copy import counted, double, moment, raw, small, text
from telemetry.models import Attribution, AttributionShare, DecisionOutcome

SUM_COLUMNS = ("trade_id", "rr", "total", "carried", "residual")
SHARE_COLUMNS = ("attribution_id", "decision_id", "lever", "override_id", "line_id", "part", "share")
OUTCOME_COLUMNS = ("trade_id", "decision_id", "action_index", "rr", "unattributed", "misfit")
SumRow = tuple[str, float, float, float, float]
ShareRow = tuple[str, str, str, str, str, float, float]
OutcomeRow = tuple[str, str, int, float, str, str]


def sum_rows(attributed: Iterable[Attributed]) -> Iterator[SumRow]:
    """Yield a row of SUM_COLUMNS for each trade."""
    for each in attributed:
        sums = each.sums
        yield each.trade.id, each.trade.rr, sums.total, sums.carried, sums.residual


def share_rows(attributed: Iterable[Attributed]) -> Iterator[ShareRow]:
    """Yield a row of SHARE_COLUMNS for each part that has a share."""
    for each in attributed:
        shares = each.sums.shares
        for name, part in each.parts.items():
            if name in shares:
                yield (each.trade.id, *part, shares[name])


def outcome_rows(attributed: Iterable[Attributed]) -> Iterator[OutcomeRow]:
    """Yield a row of OUTCOME_COLUMNS for each decision that an action names."""
    for each in attributed:
        for named in each.named:
            yield each.trade.id, named.decision_id, named.action_index, each.trade.rr, named.unattributed, named.misfit


def write_attributed(attributed: Iterable[Attributed], now: datetime) -> list[Attributed]:
    """Write the rows of attributed trades by COPY, inside the caller's transaction, and return the trades.

    Shares are most of the rows and come first, so that the server stores them while the next trades are computed.
    """
    kept: list[Attributed] = []
    at = moment(now)
    shares = (
        b"".join((
            counted(7), _uuid(trade), _uuid(decision), text(lever), text(override), text(line), double(part),
            double(share),
        ))
        for trade, decision, lever, override, line, part, share in share_rows(_keeping(attributed, kept))
    )  # fmt: skip
    copy_binary(AttributionShare, SHARE_COLUMNS, shares)
    sums = (
        b"".join((counted(6), _uuid(trade), double(rr), double(total), double(carried), double(residual), at))
        for trade, rr, total, carried, residual in sum_rows(kept)
    )
    outcomes = (
        b"".join((counted(6), _uuid(trade), _uuid(decision), small(index), double(rr), text(why), text(misfit)))
        for trade, decision, index, rr, why, misfit in outcome_rows(kept)
    )
    copy_binary(Attribution, (*SUM_COLUMNS, "attributed_at"), sums)
    copy_binary(DecisionOutcome, OUTCOME_COLUMNS, outcomes)
    return kept


def _keeping(attributed: Iterable[Attributed], kept: list[Attributed]) -> Iterator[Attributed]:
    for each in attributed:
        kept.append(each)
        yield each


@lru_cache(20_000)
def _uuid(value: str) -> bytes:
    """Return an id; those of a trade and of its decisions repeat in all of its rows, so they are remembered."""
    return raw(bytes.fromhex(value.replace("-", "")))
