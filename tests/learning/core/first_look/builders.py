"""Closed trades in memory whose entries have an edge in one phase, or none anywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from telemetry.core.trades import Trade, parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from tests.builders import DAY, NOW, action_payload, trade_payload

PHASES = ("Good", "Dip", "Recover")
BUCKETS = ("micro", "small", "mid", "large", "mega")


def two_a_day(count: int = 400, *, edge: float = 2.0, noise: float = 0.5, seed: int = 1) -> list[Trade]:
    """Return the trades of `payloads_of_two_a_day`."""
    payloads = payloads_of_two_a_day(count, edge=edge, noise=noise, seed=seed)
    return [parse_trade(payload, now=NOW) for payload in payloads]


def payloads_of_two_a_day(
    count: int = 400, *, edge: float = 2.0, noise: float = 0.5, seed: int = 1
) -> list[dict[str, Any]]:
    """Return two trades a day, open for hours; those in Good earn `edge` R more, all with noise of that many R."""
    random = np.random.default_rng(seed)
    payloads = []
    for number in range(count):
        opened = NOW - DAY * ((count - number) // 2 + 2) + timedelta(minutes=number % 50)
        phase = PHASES[int(random.integers(3))]
        rr = float(random.normal(edge * (phase == "Good"), noise))
        scope = {"macro_phase": phase, "bucket": BUCKETS[number % 5], "micro_phase": PHASES[number % 3]}
        action = action_payload(scope=scope, at=utc_text(opened))
        times = {"opened_at": utc_text(opened), "closed_at": utc_text(opened + timedelta(hours=5))}
        payloads.append(trade_payload(f"w{number:04}", rr=rr, actions=[action], **times))
    return payloads
