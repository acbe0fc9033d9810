"""Episodes of gates: parsing, recording, recording again, reading as columns, and simulating every threshold.

./dev bench episodes [windows]      10,000 by default
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import numpy as np
from django.conf import settings

from learning.core.tuning.gate_simulation import alternatives_of, gate_changes, simulate_gate
from learning.readers.gate_windows import load_gate_windows
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.core.episodes import Episode, parse_episode
from telemetry.core.read_gate_window import MOST_SAMPLES
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Episode as Row
from telemetry.models import EpisodeWindow
from telemetry.recording.record_episodes import record_episodes
from telemetry.recording.revisions import Status
from tests.bench.report import figure, scratch_database, timed
from tests.builders import DAY, NOW

WINDOWS = 10_000
IN_AN_EPISODE = 5
BAR = 30.0  # seconds, from the JSON values to the committed rows
LEVER = LEVERS["min_ts_for_add"]


def payload(number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return an episode of five windows of twelve samples, each sample with four scores and two gates."""
    began = NOW - timedelta(hours=12 * number + 24 * IN_AN_EPISODE)
    windows = [_window(index, began + DAY * index / 2, rng) for index in range(IN_AN_EPISODE)]
    return {
        "episode_id": f"bench {number}",
        "episode_type": "s3_retest",
        "symbol": f"S{number % 50}/USDT",
        "started_at": utc_text(began),
        "ended_at": utc_text(began + IN_AN_EPISODE * DAY / 2),
        "ended_in": "s0",
        "windows": windows,
    }


def _window(index: int, began: Any, rng: np.random.Generator) -> dict[str, Any]:
    ts = rng.uniform(0.3, 0.75, MOST_SAMPLES).round(6)
    scores, rr = rng.uniform(0, 1, (MOST_SAMPLES, 3)).round(6), rng.normal(0, 1, MOST_SAMPLES).round(6)
    slope = rng.random(MOST_SAMPLES) < 0.7
    times = [utc_text(began + timedelta(minutes=30 * number)) for number in range(MOST_SAMPLES)]
    entered = np.flatnonzero((ts >= LEVER.neutral) & slope)
    return {
        "window_id": f"w{index}",
        "pattern_key": f"trend.long.retest{index}",
        "action_category": "add",
        "scope": {"macro_phase": "Good", "bucket": f"b{index}", "timeframe": "1h"},
        "started_at": times[0],
        "ended_at": times[-1],
        "thresholds": {LEVER.name: LEVER.neutral},
        "samples": [
            {
                "at": times[row],
                "scores": {"ts": float(ts[row])} | dict(zip(("dx", "edx", "ox"), scores[row].tolist(), strict=True)),
                "gates": {"slope_ok": bool(slope[row]), "risk_ok": True},
                "rr": float(rr[row]),
            }
            for row in range(MOST_SAMPLES)
        ],
        "known_at": utc_text(began + timedelta(hours=12)),
    } | ({"entered_at": times[entered[0]]} if len(entered) else {})


def run(count: int = WINDOWS) -> None:
    rng = np.random.default_rng(5)
    payloads = [payload(number, rng) for number in range(count // IN_AN_EPISODE)]
    parsed: list[Episode] = []
    of = {"windows": count, "samples": count * MOST_SAMPLES}

    parse = timed(lambda: parsed.extend(parse_episode(each, gates=settings.GATES, now=NOW) for each in payloads))
    write = timed(lambda: record_episodes(parsed, now=NOW))
    again: list[Status] = []
    repeat = timed(lambda: again.extend(each.status for each in record_episodes(parsed, now=NOW)))
    stored = (Row.objects.count(), EpisodeWindow.objects.count())
    if set(again) != {Status.UNCHANGED} or stored != (len(payloads), count):
        raise AssertionError(f"the same episodes again changed something: {set(again)}, {stored}")
    loaded: list[Any] = []
    read = timed(
        lambda: loaded.append(load_gate_windows(ModuleParameters.default("pm").learned_from, NOW, LEVER.categories))
    )
    found: list[Any] = []
    simulate = timed(lambda: found.extend(_simulated(loaded[0])))

    figure("episodes", "parse", parse.wall, "s", **of)
    figure("episodes", "record", write.wall, "s", **of)
    figure("episodes", "parse and record", parse.wall + write.wall, "s", bar=BAR, **of)
    figure("episodes", "record again", repeat.wall, "s", **of)
    figure("episodes", "read as columns", read.wall, "s", **of)
    figure("episodes", "simulate", simulate.wall, "s", alternatives=len(found), **of)
    figure("episodes", "candidates of noise", sum(each.is_candidate for each in found), "alternatives")


def _simulated(windows: Any) -> list[Any]:
    return gate_changes(windows, simulate_gate(windows, LEVER.name, alternatives_of(LEVER)), LEVER.name)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
