"""The demo's episodes of gates: reported as trades are, once the last of their results is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from config.demo.backtest.gate_episodes import gate_episodes
from config.demo.shift_dates import shifted_episode
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.core.market_context.bars import Bars, four_hours
from telemetry.core.market_context.market import Market
from telemetry.recording.record_episodes import receive_episodes

Payload = dict[str, Any]


def demo_episodes(bars: Sequence[Bars], moved_by: timedelta) -> list[Payload]:
    """Return the episodes of all pairs on 4 h bars, on the long side, under neutral thresholds; `bars` are hourly."""
    neutral = {lever: LEVERS[lever].neutral for lever in settings.GATES}
    found = gate_episodes([four_hours(one) for one in bars], neutral, market=Market.of(bars))
    return [shifted_episode(each, moved_by) for each in found]


def report_episodes(episodes: Iterable[Payload], since: datetime | None, until: datetime) -> int:
    """Report the episodes whose results were complete after `since` and by `until`; return their number."""
    due = [each for each in episodes if (since is None or since < _complete_at(each)) and _complete_at(each) <= until]
    receive_episodes(due, gates=settings.GATES, now=until)
    return len(due)


def _complete_at(episode: Payload) -> datetime:
    known = (window["known_at"] for window in episode["windows"] if "known_at" in window)
    return max(datetime.fromisoformat(each) for each in (episode["ended_at"], *known))
