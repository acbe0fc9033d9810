"""The list of episodes and the page of one: every window with its charts, what was shut, and its samples."""

from __future__ import annotations

import pytest
from django.test import Client

from telemetry.models import Episode
from telemetry.recording.record_episodes import episode_key, receive_episodes
from tests.admin_pages import browser_of, page
from tests.conftest import make_user
from tests.telemetry.core.builders import NOW
from tests.telemetry.core.episode_builders import (
    GATES,
    entered_payload,
    episode_payload,
    sample_payload,
    window_payload,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/telemetry/episode/"


@pytest.fixture
def browser() -> Client:
    return browser_of(make_user("looker"))


def record(*payloads: object) -> None:
    receive_episodes(payloads, gates=GATES, now=NOW)


def page_of(browser: Client, episode_id: str, revision: int = 1) -> str:
    return page(browser, f"{LIST}{episode_key(episode_id, revision)}/change/")


class TestList:
    def test_says_how_episodes_come_where_there_are_none(self, browser: Client) -> None:
        assert "POST /api/v1/telemetry/episodes/" in page(browser, LIST)

    def test_shows_what_stands_and_what_became_of_it(self, browser: Client) -> None:
        record(episode_payload("e1", windows=[window_payload(), entered_payload()]), episode_payload("e2"))
        record(episode_payload("e2", revision=2, correction_reason="it was cut off", symbol="ETH/USDT"))

        text = page(browser, LIST)

        assert "Listed by default: current revisions." in text
        assert 'cw-good">success</span>' in text
        assert 'cw-warn">missed</span>' in text
        assert "corrected, r2" in text
        assert browser.get(LIST).context["cl"].result_count == 2
        assert browser.get(LIST, {"standing": "no"}).context["cl"].result_count == 1
        assert browser.get(LIST, {"standing": "any"}).context["cl"].result_count == 3

    def test_is_narrowed_and_downloaded_as_it_is_listed(self, browser: Client) -> None:
        entry = window_payload(action_category="entry")
        record(episode_payload("e1"), episode_payload("e2", episode_type="s1_entry", windows=[entry]))

        found = browser.get(LIST, {"episode_type": "s1_entry"})
        header, *rows = browser.get(f"{LIST}list.csv", {"q": "e2"}).getvalue().decode().splitlines()

        assert found.context["cl"].result_count == 1
        assert {"episode_id", "outcome", "windows_in_it"} <= set(header.split(","))
        assert [row.partition(",")[0] for row in rows] == ["e2"]


class TestPage:
    def test_shows_each_window_with_a_chart_for_each_gate(self, browser: Client) -> None:
        thresholds = {"min_ts_for_add": 0.6, "max_edx_for_add": 0.5}
        samples = [sample_payload(1, rr=-0.5, scores={"ts": 0.58, "edx": 0.7})]
        both = window_payload("w3", thresholds=thresholds, samples=samples)
        record(episode_payload("e1", windows=[window_payload(), entered_payload(), both], trade_id="bot-1:7"))

        text = page_of(browser, "e1")

        assert text.count('<svg class="cw-thumbnail"') == 4
        assert "min_ts_for_add: TS 0.58, asked at least 0.60" in text
        assert "max_edx_for_add: EDX 0.70, asked at most 0.50" in text
        assert "<div><code>min_ts_for_add</code></div><div><code>max_edx_for_add</code></div>" in text
        assert "rightly skipped" in text
        assert "bot-1:7" in text

    def test_shows_every_sample_and_the_one_that_decided(self, browser: Client) -> None:
        samples = [sample_payload(1, 0.5, gates={"slope_ok": False}), sample_payload(2, 0.7, gates={"slope_ok": False})]
        record(episode_payload("e1", windows=[window_payload(samples=samples, known_at=None)]))

        text = page_of(browser, "e1")

        assert text.count("<b>shut</b>") == 2
        assert text.count(">decided</span>") == 1
        assert "not known yet" in text

    def test_says_that_another_revision_stands_in_its_place(self, browser: Client) -> None:
        record(episode_payload("e1"))
        record(episode_payload("e1", revision=2, correction_reason="it was cut off"))

        assert "r1, superseded" in page_of(browser, "e1")
        assert "it was cut off" in page_of(browser, "e1", revision=2)
        assert Episode.objects.count() == 2
