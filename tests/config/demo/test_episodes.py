"""The demo's episodes are reported once the last of their results is known, each once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from config.demo.episodes import demo_episodes, report_episodes
from telemetry.core.market_context.bars import Bars
from telemetry.models import Episode, EpisodeWindow


@pytest.mark.django_db
def test_are_reported_period_by_period_with_results_of_their_time(sample: list[Bars]) -> None:
    episodes = demo_episodes(sample, timedelta(0))
    middle, end = (datetime.fromisoformat(f"2024-{day}T00:00:00Z") for day in ("05-01", "09-07"))

    first = report_episodes(episodes, None, middle)
    known = list(EpisodeWindow.objects.values_list("known_at", flat=True))
    second = report_episodes(episodes, middle, end)

    assert (first + second, Episode.objects.count()) == (len(episodes), len(episodes))
    assert 0 < first < len(episodes)
    assert all(each is None or each <= middle for each in known)
    assert len(episodes) > 100
    assert EpisodeWindow.objects.filter(outcome="missed").exists()
