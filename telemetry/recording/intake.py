"""Receive trades as JSON values: parse each one, record the valid ones together, return a receipt for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from telemetry.core.trades import Trade, parse_trade
from telemetry.foundation.core.refusal import Refused
from telemetry.recording.record_trades import Receipt, record_trades
from telemetry.recording.revisions import Status


def receive_trades(payloads: Sequence[object], *, now: datetime) -> list[Receipt]:
    """Parse and record trades; return their receipts in order. Refusals name `[index].field`.

    A refused payload does not affect the others.
    """
    receipts: list[Receipt | None] = []
    trades: list[Trade] = []
    for index, payload in enumerate(payloads):
        try:
            trades.append(parse_trade(payload, now=now, field=f"[{index}]"))
            receipts.append(None)
        except Refused as refused:
            receipts.append(Receipt(*_named(payload), Status.REFUSED, refused.refusals))
    recorded = iter(record_trades(trades, now=now))
    return [receipt or next(recorded) for receipt in receipts]


def _named(payload: Any) -> tuple[str, int]:
    """Return the external id and revision that a refused payload claims, as far as they can be shown."""
    claimed = payload.get("external_id") if isinstance(payload, dict) else None
    return (claimed if isinstance(claimed, str) else "")[:200], 0
