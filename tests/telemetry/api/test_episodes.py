"""`/api/v1/telemetry/episodes/`: receipts, refusals with their paths, the list and one episode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from telemetry.models import Episode
from tests.api_clients import client_of, fields_of, pages
from tests.people import make_person
from tests.telemetry.core.episode_builders import (
    entered_payload,
    episode_payload,
    sample_payload,
    window_payload,
)

pytestmark = pytest.mark.django_db
URL = "/api/v1/telemetry/episodes/"


@pytest.fixture
def api() -> APIClient:
    return client_of("bot")


def post(api: APIClient, body: Any) -> Any:
    response = api.post(URL, body, format="json")
    assert response.status_code == 200, response.content
    return response.json()["results"]


class TestRecording:
    def test_takes_one_or_a_list_and_is_safe_to_repeat(self, api: APIClient) -> None:
        (first,) = post(api, episode_payload())
        again, other = post(api, [episode_payload(), episode_payload("e2")])

        assert first == {"index": 0, "episode_id": "e1", "revision": 1, "status": "new", "errors": []}
        assert (again["status"], other["status"], Episode.objects.count()) == ("unchanged", "new", 2)

    def test_records_the_good_ones_and_names_what_is_wrong_with_the_others(self, api: APIClient) -> None:
        late = window_payload("w2", samples=[sample_payload(h / 4) for h in range(13)])

        good, bad = post(api, [episode_payload(), episode_payload("e2", windows=[window_payload(), late])])

        assert (good["status"], bad["status"], bad["episode_id"]) == ("new", "refused", "e2")
        assert [each["field"] for each in bad["errors"]] == ["[1].windows[1].samples"]

    def test_refuses_a_lever_that_the_registry_does_not_hold(self, api: APIClient) -> None:
        (bad,) = post(api, episode_payload(windows=[window_payload(thresholds={"min_nothing_for_add": 0.5})]))

        assert bad["errors"][0]["field"] == "windows[0].thresholds.min_nothing_for_add"
        assert "min_ts_for_add" in bad["errors"][0]["message"]

    def test_refuses_what_lies_in_the_future(self, api: APIClient) -> None:
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

        (bad,) = post(api, episode_payload(ended_at=tomorrow))

        assert (bad["status"], bad["errors"][0]["field"]) == ("refused", "ended_at")

    @pytest.mark.parametrize("body", [[], {}, "e1", [{}] * 1001])
    def test_refuses_a_body_without_episodes_or_with_too_many(self, api: APIClient, body: Any) -> None:
        response = api.post(URL, body, format="json")

        assert response.status_code == 400
        assert fields_of(response) == [""]

    def test_refuses_a_body_with_nan(self, api: APIClient) -> None:
        response = api.post(URL, b'{"windows": [{"samples": [{"rr": NaN}]}]}', content_type="application/json")

        assert response.status_code == 400
        assert "NaN is not JSON" in response.json()["detail"]

    def test_refuses_a_number_beyond_every_float_by_its_path(self, api: APIClient) -> None:
        body = b'[{"windows": [{"samples": [{"rr": 1e999}]}]}]'

        response = api.post(URL, body, content_type="application/json")

        fields = [each["field"] for each in response.json()["results"][0]["errors"]]
        assert "[0].windows[0].samples[0].rr" in fields
        assert not Episode.objects.exists()


class TestReading:
    def test_lists_what_stands_last_ended_first(self, api: APIClient) -> None:
        post(api, [episode_payload(f"e{n}", ended_at=f"2024-05-{n + 5:02}T00:00:00Z") for n in range(5)])
        again = episode_payload("e1", revision=2, correction_reason="it was cut off", ended_at="2024-05-20T00:00:00Z")
        post(api, again)

        names = [row["episode_id"] for page in pages(api, f"{URL}?limit=2") for row in page]

        assert names == ["e1", "e4", "e3", "e2", "e0"]

    def test_narrows_the_list(self, api: APIClient) -> None:
        s1 = entered_payload(action_category="entry", pattern_key="ema.long.first")
        post(api, [episode_payload(), episode_payload("e2", episode_type="s1_entry", windows=[s1], book="live")])

        def found(query: str) -> list[str]:
            return [row["episode_id"] for row in api.get(f"{URL}?{query}").json()["results"]]

        assert found("pattern_key=ema.long.first") == found("book=live") == found("outcome=success") == ["e2"]
        assert found("episode_type=s3_retest") == found("action_category=add") == ["e1"]
        assert api.get(f"{URL}?action_category=exit").status_code == 400

    def test_returns_one_with_its_windows_as_columns(self, api: APIClient) -> None:
        post(api, episode_payload("a/b", windows=[window_payload(), entered_payload()]))

        episode = api.get(f"{URL}a/b/").json()

        assert [each["outcome"] for each in episode["windows"]] == ["missed", "success"]
        assert episode["windows"][0]["samples"]["rr"] == [0.9, 0.7, None]
        assert api.get(f"{URL}nothing/").status_code == 404

    def test_shows_a_bot_its_own_and_a_reader_all(self, api: APIClient) -> None:
        post(api, episode_payload())
        stranger = client_of("bot", make_person("stranger"))

        assert stranger.get(URL).json()["results"] == []
        assert stranger.get(f"{URL}e1/").status_code == 404
        assert len(client_of("read").get(URL).json()["results"]) == 1
