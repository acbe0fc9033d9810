"""Valid payloads of episodes; every test changes only what it is about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from telemetry.core.gates import Gate
from telemetry.foundation.core.canonical_json import utc_text
from tests.telemetry.core.builders import NOW

HOUR = timedelta(hours=1)
START = datetime.fromisoformat("2024-05-01T10:00:00+00:00")
GATES = {
    gate.lever: gate
    for gate in (
        Gate("min_ts_for_add", ("entry", "add"), 0.0, 1.0),
        Gate("min_dx_for_add", ("entry", "add"), 0.0, 1.0),
        Gate("max_edx_for_add", ("entry", "add"), 0.0, 1.0),
        Gate("min_ox_for_trim", ("trim",), 0.0, 1.0),
    )
}


def sample_payload(hour: float = 1, ts: float = 0.5, **over: Any) -> dict[str, Any]:
    return {"at": utc_text(START + hour * HOUR), "scores": {"ts": ts}} | over


def window_payload(window_id: str = "w1", **over: Any) -> dict[str, Any]:
    """A window of six hours that was not entered: TS came to 0.58, and 0.60 was asked; entering would earn 0.7 R."""
    return {
        "window_id": window_id,
        "pattern_key": "ema.long.retest",
        "action_category": "add",
        "scope": {"bucket": "micro"},
        "started_at": utc_text(START),
        "ended_at": utc_text(START + 6 * HOUR),
        "thresholds": {"min_ts_for_add": 0.6},
        "samples": [sample_payload(1, 0.52, rr=0.9), sample_payload(4, 0.58, rr=0.7), sample_payload(5, 0.4)],
        "known_at": utc_text(NOW),
    } | over


def entered_payload(window_id: str = "w2", rr: float = 1.2, **over: Any) -> dict[str, Any]:
    """A window that was entered at its second sample."""
    samples = [sample_payload(1, 0.5, rr=0.3), sample_payload(2, 0.65, rr=rr), sample_payload(3, 0.7)]
    return window_payload(window_id, samples=samples, entered_at=samples[1]["at"]) | over


def episode_payload(episode_id: str = "e1", **over: Any) -> dict[str, Any]:
    return {
        "episode_id": episode_id,
        "episode_type": "s3_retest",
        "symbol": "BTC/USDT",
        "started_at": utc_text(START),
        "ended_at": utc_text(START + 24 * HOUR),
        "windows": [window_payload()],
    } | over
