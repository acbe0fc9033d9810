from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from config.access.api import authentication
from config.access.keys import issue_key
from overrides.serving.engine import ENGINE_ROOM
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.models import Decision
from tests.api_clients import RecordingQueue
from tests.builders import KEY, NOW, SCOPE, make_spec, publish, set_mode
from tests.people import keeper
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

URL = "/api/v1/levers/resolve/"
PROBLEM = "application/problem+json"
QUESTION = {
    "module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE | {"timeframe": "1h"},
    "at": utc_text(NOW),
}  # fmt: skip


def furnish() -> None:
    publish(make_spec())
    set_mode("on")


@pytest.fixture(scope="module", autouse=True)
def served(shared: Shared) -> Iterator[None]:
    """Serve one override of size 1.1."""
    with shared(furnish):
        yield


@pytest.fixture
def api(queue: RecordingQueue) -> APIClient:
    """A bot's client of a process that has loaded what is served."""
    _, key = issue_key(name="bot", role="evaluate", owner=keeper(), by=None, at=datetime.now(UTC))
    ENGINE_ROOM.refresh()
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


class TestAnswer:
    def test_names_what_is_explored_in_a_position_and_no_position_where_nothing_is(self, api: APIClient) -> None:
        arm = {
            "alternative": 2.0, "probability": 0.5, "share_percent": 100.0, "rr_per_week": 90.0, "rr_per_position": 1.0
        }  # fmt: skip
        set_mode("on", arms={"entry_delay_bars": arm})
        ENGINE_ROOM.refresh()
        asked = [QUESTION | {"position_key": f"position {number}"} for number in range(12)]

        *named, bare = api.post(URL, [*asked, QUESTION], format="json").json()
        for each in named:
            told = each["arms"]["entry_delay_bars"]
            assert (told["served"], told["alternative"], told["probability"]) == (0.0, 2.0, 0.5)
            assert each["levers"]["entry_delay_bars"] == told[told["arm"]]
            assert each["reason"] == "SINGLE"
        assert {each["arms"]["entry_delay_bars"]["arm"] for each in named} == {"served", "alternative"}
        assert "arms" not in bare

    def test_holds_every_lever_with_identity_and_reason(self, api: APIClient) -> None:
        asked_at = datetime.now(UTC)

        response = api.post(URL, QUESTION, format="json")

        answer = response.json()
        assert response.status_code == 200
        assert answer["levers"] == {
            "size_mult": 1.02,
            "entry_aggression_mult": 1.0,
            "phase1_frac_mult": 1.0,
            "entry_delay_bars": 0.0,
            "min_ts_for_add": 0.6,
            "min_dx_for_add": 0.6,
            "max_edx_for_add": 0.7,
        }
        assert (answer["reason"], answer["mode"], answer["version"]) == ("SINGLE", "on", 1)
        assert answer["flags"] == ["STEP_LIMITED"]
        assert answer["evaluated_at"] == utc_text(NOW)
        assert abs((uuid7_time(UUID(answer["decision_id"])) - asked_at).total_seconds()) < 60

    @pytest.mark.parametrize(
        ("explain", "has_contributions", "has_factors"),
        [("none", False, False), ("summary", True, False), ("full", True, True)],
    )
    def test_explains_as_much_as_requested(
        self, api: APIClient, explain: str, has_contributions: bool, has_factors: bool
    ) -> None:
        answer = api.post(f"{URL}?explain={explain}", QUESTION, format="json").json()

        assert ("contributions" in answer) is has_contributions
        assert ("lever_detail" in answer) is has_factors
        if has_contributions:
            assert ("w_edge" in answer["contributions"][0]) is has_factors

    def test_is_neutral_where_nothing_matches(self, api: APIClient) -> None:
        answer = api.post(URL, QUESTION | {"pattern_key": "rsi.long.dip"}, format="json").json()

        assert (answer["reason"], answer["levers"]["size_mult"]) == ("NO_MATCH", 1.0)

    def test_multiplies_the_base_of_an_allocation(self, api: APIClient) -> None:
        question = {
            "module": "dm", "pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation",
            "base_allocation": 250.0,
        }  # fmt: skip

        answer = api.post(URL, question, format="json").json()

        assert (answer["alloc_mult"], answer["coefficient_product"], answer["allocation"]) == (1.0, 1.0, 250.0)

    def test_comes_in_order_for_a_list(self, api: APIClient) -> None:
        other = QUESTION | {"pattern_key": "rsi.long.dip"}

        answers = api.post(URL, [QUESTION, other, QUESTION], format="json").json()

        assert [answer["reason"] for answer in answers] == ["SINGLE", "NO_MATCH", "SINGLE"]
        assert len({answer["decision_id"] for answer in answers}) == 3

    def test_is_neutral_and_logged_when_evaluation_fails(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError("inside")

        monkeypatch.setattr("overrides.core.engine.serve.combine", fail)

        response = api.post(URL, QUESTION, format="json")

        assert response.status_code == 200
        assert (response.json()["reason"], response.json()["levers"]["size_mult"]) == ("ERROR", 1.0)
        assert "ZeroDivisionError: inside" in caplog.text


class TestListed:
    """A list whose questions are not all acceptable."""

    def test_answers_the_others_and_holds_a_problem_at_its_place(self, api: APIClient, queue: RecordingQueue) -> None:
        bad = QUESTION | {"module": "xx", "scope": {"macro_phase": {}}}

        response = api.post(URL, [QUESTION, bad, QUESTION], format="json")

        one, problem, other = response.json()
        assert response.status_code == 200
        assert [one["reason"], other["reason"]] == ["SINGLE", "SINGLE"]
        assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "Bad Request", 400)
        assert [(each["field"], each["pointer"]) for each in problem["errors"]] == [
            ("[1].module", "/1/module"),
            ("[1].scope.macro_phase", "/1/scope/macro_phase"),
        ]
        assert [str(each.decision_id) for each in queue.records] == [one["decision_id"], other["decision_id"]]

    def test_loses_no_other_question_to_a_number_that_is_not_json(self, api: APIClient, queue: RecordingQueue) -> None:
        body = json.dumps([QUESTION, QUESTION | {"scope": {"x": float("nan")}}])
        response = api.post(URL, body, content_type="application/json")

        one, problem = response.json()
        assert (one["reason"], problem["status"], len(queue.records)) == ("SINGLE", 400, 1)
        assert problem["errors"][0]["field"] == "[1].scope.x"

    def test_holds_problems_alone_where_none_is_acceptable(self, api: APIClient, queue: RecordingQueue) -> None:
        response = api.post(f"{URL}?durable=true", [7, {}], format="json")

        assert (response.status_code, [each["status"] for each in response.json()]) == (200, [400, 400])
        assert response.json()[0]["errors"] == [
            {"field": "[0]", "message": "7 is not an object; send a JSON object", "pointer": "/0"}
        ]
        assert not Decision.objects.exists()


class TestDry:
    def test_is_answered_without_a_decision(self, api: APIClient, queue: RecordingQueue) -> None:
        answer = api.post(f"{URL}?dry=true&explain=full", QUESTION, format="json").json()

        assert (answer["decision_id"], answer["dry"]) == (None, True)
        assert (answer["reason"], answer["levers"]["size_mult"]) == ("SINGLE", 1.02)
        assert "w_edge" in answer["contributions"][0]
        assert queue.records == []

    def test_is_of_a_whole_list(self, api: APIClient, queue: RecordingQueue) -> None:
        answers = api.post(f"{URL}?dry=true", [QUESTION, QUESTION], format="json").json()

        assert [(each["decision_id"], each["dry"]) for each in answers] == [(None, True)] * 2
        assert queue.records == []

    def test_cannot_be_durable(self, api: APIClient) -> None:
        response = api.post(f"{URL}?dry=true&durable=true", QUESTION, format="json")

        assert response.status_code == 400
        assert [error["field"] for error in response.json()["errors"]] == ["durable"]


class TestCoding:
    def test_of_a_question_may_be_gzip(self, api: APIClient) -> None:
        body = gzip.compress(json.dumps(QUESTION).encode())

        response = api.generic("POST", URL, body, "application/json", HTTP_CONTENT_ENCODING="gzip")  # type: ignore[arg-type]

        assert (response.status_code, response.json()["reason"]) == (200, "SINGLE")

    def test_of_a_long_answer_is_gzip_for_a_caller_that_takes_it(self, api: APIClient) -> None:
        plain = api.post(URL, [QUESTION] * 9, format="json")

        packed = api.post(URL, [QUESTION] * 9, format="json", HTTP_ACCEPT_ENCODING="br, gzip")

        assert "Content-Encoding" not in plain
        assert (packed["Content-Encoding"], "Accept-Encoding" in packed["Vary"]) == ("gzip", True)
        assert int(packed["Content-Length"]) == len(packed.content) < len(plain.content)
        found = json.loads(gzip.decompress(packed.content))
        assert [each["levers"] for each in found] == [each["levers"] for each in plain.json()]

    def test_of_a_short_answer_stays_as_it_is(self, api: APIClient) -> None:
        response = api.post(f"{URL}?explain=none", QUESTION, format="json", HTTP_ACCEPT_ENCODING="gzip")

        assert "Content-Encoding" not in response


class TestRefusal:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"modul": "pm"}, "modul"),
            ({"module": "xx"}, "module"),
            ({"action_category": "allocation"}, "action_category"),
            ({"pattern_key": "a.b"}, "pattern_key"),
            ({"scope": {"macro_phase": {}}}, "scope.macro_phase"),
            ({"at": "2026-03-02T12:00:00"}, "at"),
            ({"current": {"size_mult": 2.0}}, "current.size_mult"),
            ({"rollout_key": "\0"}, "rollout_key"),
        ],
    )
    def test_names_the_field(self, api: APIClient, queue: RecordingQueue, change: dict[str, Any], field: str) -> None:
        response = api.post(URL, QUESTION | change, format="json")

        assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)
        assert [error["field"] for error in response.json()["errors"]] == [field]
        assert queue.records == []

    @pytest.mark.parametrize("size", [0, 1001])
    def test_bounds_the_list(self, api: APIClient, size: int) -> None:
        response = api.post(URL, [{}] * size, format="json")

        assert response.status_code == 400
        assert "send 1 to 1000" in response.json()["errors"][0]["message"]

    @pytest.mark.parametrize("query", ["explain=all", "explain=", "durable=1", "dry=yes", "verbose=true"])
    def test_knows_only_its_own_options(self, api: APIClient, query: str) -> None:
        response = api.post(f"{URL}?{query}", QUESTION, format="json")

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == query.partition("=")[0]

    @pytest.mark.parametrize(("role", "status"), [("evaluate", 200), ("record", 200), ("propose", 403), ("read", 403)])
    def test_follows_the_role(self, api: APIClient, role: str, status: int) -> None:
        _, key = issue_key(name="bot", role=role, owner=keeper(), by=None, at=datetime.now(UTC))
        authentication.KEY_RING.forget()

        response = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").post(URL, QUESTION, format="json")

        assert response.status_code == status


class TestDecision:
    def test_waits_in_the_queue(self, api: APIClient, queue: RecordingQueue) -> None:
        answer = api.post(URL, QUESTION, format="json").json()

        assert [str(record.decision_id) for record in queue.records] == [answer["decision_id"]]
        assert "durable" not in answer
        assert not Decision.objects.exists()

    def test_is_written_first_on_request(self, api: APIClient, queue: RecordingQueue) -> None:
        answer = api.post(f"{URL}?durable=true", QUESTION, format="json").json()

        assert answer["durable"] is True
        assert str(Decision.objects.get().pk) == answer["decision_id"]
        assert queue.records == []

    def test_waits_after_all_while_the_database_is_away(
        self, api: APIClient, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> None:
            raise OperationalError("server closed the connection")

        monkeypatch.setattr("telemetry.decisions.decision_log.record_decisions", away)

        response = api.post(f"{URL}?durable=true", QUESTION, format="json")

        assert response.status_code == 200
        assert response.json()["durable"] is False
        assert len(queue.records) == 1


class TestWarmProcess:
    def test_needs_no_query(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        api.post(URL, QUESTION, format="json")  # loads the keys, records the first use and compiles the version
        monkeypatch.setattr(authentication, "REFRESH_SECONDS", 3600.0)

        with django_assert_num_queries(0):
            one = api.post(f"{URL}?explain=full", QUESTION, format="json")
            many = api.post("/api/v1/levers/resolve", [QUESTION] * 50, format="json")

        assert (one.status_code, many.status_code, len(many.json())) == (200, 200, 50)
