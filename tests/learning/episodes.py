"""Recorded episodes of one window each, at TS .57 under a gate at .60, three a day until three days ago."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from telemetry.core.episodes import parse_episode
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_episodes import record_episodes
from tests.builders import DAY, KEY, NOW
from tests.telemetry.core.episode_builders import GATES, episode_payload, window_payload

HOUR = timedelta(hours=1)


def record_shut_out(count: int, gain: float, *, seed: int = 3) -> None:
    """Record episodes that were not entered; acting would have earned `gain` R in Good on average, elsewhere 0."""
    random = np.random.default_rng(seed)
    payloads = []
    for number in range(count):
        is_good = number % 2 == 0
        at, rr = NOW - 3 * DAY - 8 * HOUR * (count - number), float(random.normal(gain * is_good, 0.2))
        window = window_payload(
            pattern_key=KEY,
            scope={"macro_phase": "Good" if is_good else "Dip", "bucket": "micro"},
            started_at=utc_text(at),
            ended_at=utc_text(at + 2 * HOUR),
            samples=[{"at": utc_text(at), "scores": {"ts": 0.57}, "rr": round(rr, 6)}],
            known_at=utc_text(at + 5 * HOUR),
        )
        times = {"started_at": utc_text(at), "ended_at": utc_text(at + 3 * HOUR)}
        payloads.append(episode_payload(f"e{number}", windows=[window], **times))
    record_episodes([parse_episode(each, gates=GATES, now=NOW) for each in payloads], now=NOW)
