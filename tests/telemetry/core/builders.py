"""Valid payloads; every test changes only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2024, 6, 1, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
DECISION = "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"
OTHER_DECISION = "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e10"


def action_payload(**over: Any) -> dict[str, Any]:
    return {
        "module": "pm",
        "pattern_key": "donchian.long.breakout",
        "action_category": "entry",
        "at": "2024-05-01T10:00:00Z",
        "scope": {"bucket": "micro", "bucket_rank_position": 2},
    } | over


def trade_payload(**over: Any) -> dict[str, Any]:
    return {
        "external_id": "t1",
        "symbol": "BTC/USDT",
        "opened_at": "2024-05-01T10:00:00Z",
        "closed_at": "2024-05-02T10:00:00Z",
        "rr": 1.5,
        "actions": [action_payload()],
    } | over


def full_payload() -> dict[str, Any]:
    """Return a trade that uses every field."""
    entry = action_payload(
        fraction=0.5,
        leg_rr=1.0,
        decision_ids=[DECISION],
        applied={"size_mult": 1.01},
        controls={"signals": {"TS": 0.6}, "flags": [True, None, "x"]},
        counterfactuals={"entry_delay_bars": {"1": 0.2, "2": -0.1}},
        cf_entry_improvement_bucket="small",
    )
    leave = action_payload(action_category="exit", rr_after=-0.5, cf_exit_improvement_bucket="large")
    return trade_payload(
        revision=2,
        correction_reason="the fee was wrong",
        book="live",
        source="freqtrade",
        side="long",
        timeframe="1h",
        cluster_id="2024-05-01 breakout",
        excluded_reason="exchange outage",
        actions=[entry, leave],
    )
