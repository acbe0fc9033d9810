"""The demo's episodes are reported once the last of their results is known, each once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from config.demo.episodes import demo_episodes, report_episodes
from learning.lessons.gate_evidence import gate_evidence
from telemetry.core.market_context.bars import Bars
from telemetry.models import Episode, EpisodeWindow


@pytest.fixture(scope="module")
def episodes(sample: list[Bars]) -> list[dict[str, Any]]:
    return demo_episodes(sample, timedelta(0))


@pytest.mark.django_db
def test_are_reported_period_by_period_with_results_of_their_time(episodes: list[dict[str, Any]]) -> None:
    middle, end = (datetime.fromisoformat(f"2024-{day}T00:00:00Z") for day in ("05-01", "09-07"))

    first = report_episodes(episodes, None, middle)
    known = list(EpisodeWindow.objects.values_list("known_at", flat=True))
    second = report_episodes(episodes, middle, end)

    assert (first + second, Episode.objects.count()) == (len(episodes), len(episodes))
    assert 0 < first < len(episodes)
    assert all(each is None or each <= middle for each in known)
    assert len(episodes) > 100
    assert EpisodeWindow.objects.filter(outcome="missed").exists()


@pytest.mark.django_db
def test_are_replayed_as_they_happened_under_the_thresholds_in_force(episodes: list[dict[str, Any]]) -> None:
    end = datetime.fromisoformat("2024-09-07T00:00:00Z")
    report_episodes(episodes, None, end)

    evidence = {each.lever.name: each for each in gate_evidence("pm", end)}

    assert evidence.keys() == set(settings.GATES) - {"min_ox_for_trim"}
    entered = EpisodeWindow.objects.exclude(entered_at=None).count()
    assert evidence["min_ts_for_add"].considered == EpisodeWindow.objects.count()
    assert evidence["min_ts_for_add"].entered == entered
