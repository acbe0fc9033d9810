"""The planted trades as the bot reports them: trade JSON with one entry each."""

from __future__ import annotations

from typing import Any

from config.demo.planted.generator import PlantedTrade
from telemetry.core.vocabulary import Module

SOURCE = "planted demo"
SYMBOL = "PLANTED/USD"


def payload_of(trade: PlantedTrade) -> dict[str, Any]:
    """Return a trade as recording accepts it."""
    return {
        "external_id": trade.external_id,
        "source": SOURCE,
        "symbol": SYMBOL,
        "side": trade.side,
        "timeframe": trade.scope["timeframe"],
        "opened_at": trade.opened_at.isoformat(),
        "closed_at": trade.closed_at.isoformat(),
        "rr": trade.rr,
        "actions": [
            {
                "module": Module.PM.value,
                "pattern_key": trade.pattern,
                "action_category": "entry",
                "at": trade.opened_at.isoformat(),
                "scope": dict(trade.scope),
                "fraction": 1.0,
                "leg_rr": trade.rr,
            }
        ],
    }
