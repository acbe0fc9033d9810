from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from config.access.keys import issue_key
from telemetry.core.decision_fit import REASONS, Misfit
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Action, DirtyGroup, Trade
from telemetry.recording.record_trades import NOT_YET
from tests.builders import NOW, action_payload, decision_ids, make_decision, trade_payload
from tests.people import keeper

pytestmark = pytest.mark.django_db

URL = "/api/v1/trades/"
PROBLEM = "application/problem+json"


@pytest.fixture
def api() -> APIClient:
    _, key = issue_key(name="recorder", role="record", owner=keeper(), by=None, at=datetime.now(UTC))
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


def statuses(response: Any) -> list[str]:
    return [result["status"] for result in response.json()["results"]]


def send(api: APIClient, raw: bytes, content_type: str = "application/json") -> Any:
    return api.post(URL, raw, content_type=content_type)


class TestTrades:
    def test_records_a_trade_with_its_actions(self, api: APIClient) -> None:
        response = api.post(URL, trade_payload("t1"), format="json")

        assert response.status_code == 200
        receipt = {"index": 0, "external_id": "t1", "revision": 1, "status": "new", "errors": [], "decisions": []}
        assert response.json() == {"results": [receipt]}
        assert Trade.objects.get().external_id == "t1"
        assert Action.objects.count() == 1
        assert DirtyGroup.objects.count() == 1

    def test_tells_which_decisions_are_unknown_or_do_not_fit(self, api: APIClient) -> None:
        fitting, wrong, unknown = make_decision(), make_decision(pattern_key="rsi.long.dip"), make_decision()
        record_decisions([fitting, wrong])
        names = action_payload(decision_ids=decision_ids(fitting, wrong, unknown))

        (receipt,) = api.post(URL, trade_payload("t1", actions=[names]), format="json").json()["results"]
        (again,) = api.post(URL, [trade_payload("t1", actions=[names])], format="json").json()["results"]

        assert (receipt["status"], again["status"], receipt["errors"]) == ("new", "unchanged", [])
        assert receipt["decisions"] == again["decisions"]
        assert receipt["decisions"] == [
            {"id": str(fitting.decision_id), "status": "fits", "reason": ""},
            {"id": str(wrong.decision_id), "status": "misfit", "reason": REASONS[Misfit.PATTERN]},
            {"id": str(unknown.decision_id), "status": "unknown", "reason": NOT_YET},
        ]

    def test_lists_those_that_name_one_wrongly(self, api: APIClient) -> None:
        _, key = issue_key(name="reader", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        reader = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
        wrong = make_decision(pattern_key="rsi.long.dip")
        record_decisions([wrong])
        names = action_payload(decision_ids=decision_ids(wrong), applied={"size_mult": 1.01})
        api.post(URL, [trade_payload("t1", actions=[names]), trade_payload("t2")], format="json")
        attribute_trades(now=NOW)

        lists = {word: reader.get(URL, {"names_wrongly": word}).json()["results"] for word in ("true", "false")}
        whole = reader.get(f"{URL}t1/").json()

        assert {word: [each["external_id"] for each in found] for word, found in lists.items()} == {
            "true": ["t1"], "false": ["t2"],
        }  # fmt: skip
        assert [each["misfit"] for each in whole["decisions"]] == ["pattern"]
        assert [each["applied"] for each in whole["actions"]] == [{"size_mult": 1.01}]

    def test_may_be_repeated(self, api: APIClient) -> None:
        api.post(URL, [trade_payload("t1")], format="json")

        response = api.post(URL, [trade_payload("t1")], format="json")

        assert statuses(response) == ["unchanged"]
        assert Trade.objects.count() == 1

    def test_takes_a_correction_and_refuses_another_body(self, api: APIClient) -> None:
        api.post(URL, trade_payload("t1"), format="json")

        other = api.post(URL, trade_payload("t1", rr=9.0), format="json")
        corrected = api.post(URL, trade_payload("t1", rr=9.0, revision=2, correction_reason="fee"), format="json")

        assert statuses(other) == ["refused"]
        assert "send revision 2" in other.json()["results"][0]["errors"][0]["message"]
        assert statuses(corrected) == ["corrected"]
        assert Trade.objects.get(is_current=True).rr == 9.0

    def test_records_the_good_ones_and_names_the_place_of_the_others(self, api: APIClient) -> None:
        bad = trade_payload("bad", actions=[action_payload(), action_payload(rr_after=1.0)])

        response = api.post(URL, [trade_payload("a"), trade_payload("b"), trade_payload("c"), bad], format="json")

        assert response.status_code == 200
        assert statuses(response) == ["new", "new", "new", "refused"]
        refused = response.json()["results"][3]
        assert refused["external_id"] == "bad"
        assert [error["field"] for error in refused["errors"]] == ["[3].actions[1].rr_after"]
        assert set(Trade.objects.values_list("external_id", flat=True)) == {"a", "b", "c"}

    def test_places_what_the_verb_refuses_too(self, api: APIClient) -> None:
        skipping = trade_payload("t1", revision=3, correction_reason="fee")

        response = api.post(URL, [trade_payload("t0"), skipping], format="json")

        assert [error["field"] for error in response.json()["results"][1]["errors"]] == ["[1].revision"]

    def test_repeats_only_what_was_sound_of_a_refused_trade(self, api: APIClient) -> None:
        raw = json.dumps([trade_payload("t1") | {"external_id": "\ud800", "revision": 2}]).encode()

        response = send(api, raw)

        refused = response.json()["results"][0]
        assert (refused["external_id"], refused["revision"], refused["status"]) == (None, 2, "refused")

    @pytest.mark.parametrize("item", [None, 3, "trade", [], [{}]])
    def test_refuses_items_that_are_no_object_one_by_one(self, api: APIClient, item: object) -> None:
        response = api.post(URL, [item, trade_payload("t1")], format="json")

        assert response.status_code == 200
        assert statuses(response) == ["refused", "new"]


class TestBodies:
    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            (b"{", "not JSON"),
            (b"nul", "not JSON"),
            (b'{"rr": NaN}', "NaN is not JSON"),
            (b'{"rr": -Infinity}', "-Infinity is not JSON"),
            (b'{"rr": 1, "rr": 2}', "appears twice"),
            (b'{"symbol": "\x00"}', "not JSON"),
            (b"[" * 100_000, "nested too deep"),
            (b'{"a":' * 100_000, "nested too deep"),
            (b"[" + b"9" * 5000 + b"]", "not JSON"),
            (b"\xff\xfe", "not UTF-8"),
        ],
    )
    def test_are_refused_with_a_way_out(self, api: APIClient, raw: bytes, words: str) -> None:
        response = send(api, raw)

        assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)
        assert words in response.json()["detail"]

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'"trade"', b"null", b"7"])
    def test_without_a_trade_are_refused(self, api: APIClient, raw: bytes) -> None:
        response = send(api, raw)

        assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)
        assert "send one as an object, or a list" in response.json()["errors"][0]["message"]

    def test_hold_at_most_a_thousand(self, api: APIClient) -> None:
        response = api.post(URL, [{}] * 1001, format="json")

        assert response.status_code == 400
        assert "at most 1000" in response.json()["errors"][0]["message"]

    def test_that_are_too_large_are_answered_413(self, api: APIClient, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

        response = send(api, b"[" + b" " * 1000 + b"]")

        assert (response.status_code, response["Content-Type"]) == (413, PROBLEM)
        assert "at most 1000" in response.json()["detail"]

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
    def test_of_another_type_are_answered_415(self, api: APIClient, content_type: str) -> None:
        response = send(api, b"a=1", content_type)

        assert (response.status_code, response["Content-Type"]) == (415, PROBLEM)
        assert "application/json" in response.json()["detail"]


class TestDoor:
    def test_needs_a_key(self) -> None:
        response = APIClient().post(URL, trade_payload(), format="json")

        assert (response.status_code, response["Content-Type"]) == (401, PROBLEM)
        assert response["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("role", ["evaluate", "propose", "read"])
    def test_needs_the_role_to_record(self, role: str) -> None:
        _, key = issue_key(name="bot", role=role, owner=keeper(), by=None, at=datetime.now(UTC))

        response = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").post(URL, trade_payload(), format="json")

        assert (response.status_code, response["Content-Type"]) == (403, PROBLEM)
        assert not Trade.objects.exists()

    def test_names_the_methods_it_allows(self, api: APIClient) -> None:
        response = api.delete(URL)

        assert (response.status_code, response["Content-Type"]) == (405, PROBLEM)
        assert response["Allow"] == "GET, POST, HEAD, OPTIONS"

    @pytest.mark.parametrize("url", ["/api/v1/trade", "/api/", "/api/v2/trades/"])
    def test_answers_404_in_the_same_form(self, url: str) -> None:
        response = APIClient().get(url)

        assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)

    def test_works_without_the_slash(self, api: APIClient) -> None:
        assert api.post("/api/v1/trades", trade_payload(), format="json").status_code == 200

    def test_says_that_the_database_is_away(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: object, **__: object) -> Iterator[None]:
            raise OperationalError("server closed the connection")

        monkeypatch.setattr("telemetry.api.trades.record_trades", away)

        response = api.post(URL, trade_payload(), format="json")

        assert (response.status_code, response["Content-Type"]) == (503, PROBLEM)
        assert response["Retry-After"] == "5"
