from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from overrides.models import ChangeRequest
from telemetry.api import trades as trades_api
from telemetry.foundation.api.idempotency import ABANDONED_AFTER, RETENTION
from telemetry.foundation.models import StoredAnswer
from telemetry.models import Trade
from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of, faults, fields_of
from tests.builders import make_spec, run_concurrently, trade_payload, wait_until

URL = "/api/v1/trades/"
KEY: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k1"}


@pytest.fixture
def api(db: None) -> APIClient:
    return client_of("record")


class TestKey:
    def test_sent_again_replays_the_first_answer_and_does_nothing(self, api: APIClient) -> None:
        first = api.post(URL, trade_payload("t1"), format="json", **KEY)

        again = api.post(URL, trade_payload("t1"), format="json", **KEY)

        assert first.json()["results"][0]["status"] == "new"
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert (again["Idempotent-Replayed"], "Idempotent-Replayed" in first) == ("true", False)
        assert Trade.objects.count() == 1

    def test_replays_a_201_as_one(self, db: None) -> None:
        proposal = {
            "module": "pm", "kind": "lines", "title": "less", "reason": "it loses",
            "lines": [{"override": make_spec().to_document()}],
        }  # fmt: skip
        api = client_of("propose")
        first = api.post("/api/v1/requests/", proposal, format="json", **KEY)

        again = api.post("/api/v1/requests/", proposal, format="json", **KEY)

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert ChangeRequest.objects.count() == 1

    def test_with_another_body_is_refused(self, api: APIClient) -> None:
        api.post(URL, trade_payload("t1"), format="json", **KEY)

        other = api.post(URL, trade_payload("t2"), format="json", **KEY)

        assert (other.status_code, faults(other)) == (422, [])
        assert "send a new key" in other.json()["detail"]
        assert Trade.objects.count() == 1

    def test_in_flight_is_refused_until_it_is_given_up(self, api: APIClient) -> None:
        api.post(URL, trade_payload("t1"), format="json", **KEY)
        StoredAnswer.objects.update(status=None, created_at=datetime.now(UTC))

        early = api.post(URL, trade_payload("t1"), format="json", **KEY)
        StoredAnswer.objects.update(created_at=datetime.now(UTC) - ABANDONED_AFTER - timedelta(seconds=1))
        late = api.post(URL, trade_payload("t1"), format="json", **KEY)

        assert (early.status_code, faults(early)) == (409, [])
        assert late.json()["results"][0]["status"] == "unchanged"

    def test_is_of_one_caller(self, api: APIClient) -> None:
        api.post(URL, trade_payload("t1"), format="json", **KEY)

        other = client_of("record").post(URL, trade_payload("t2"), format="json", **KEY)

        assert other.json()["results"][0]["status"] == "new"

    def test_is_forgotten_after_a_day(self, api: APIClient) -> None:
        api.post(URL, trade_payload("t1"), format="json", **KEY)
        StoredAnswer.objects.update(created_at=datetime.now(UTC) - RETENTION - timedelta(seconds=1))

        response = api.post(URL, trade_payload("t2"), format="json", **KEY)

        assert response.json()["results"][0]["status"] == "new"
        assert StoredAnswer.objects.count() == 1

    def test_of_what_was_refused_is_free(self, api: APIClient) -> None:
        refused = api.post(URL, [], format="json", **KEY)

        response = api.post(URL, trade_payload("t1"), format="json", **KEY)

        assert (refused.status_code, response.status_code) == (400, 200)

    def test_of_work_that_failed_is_free(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError("inside")

        with monkeypatch.context() as patch:
            patch.setattr(trades_api, "record_trades", fail)
            failed = api.post(URL, trade_payload("t1"), format="json", **KEY)

        assert (failed.status_code, StoredAnswer.objects.count()) == (500, 0)
        assert api.post(URL, trade_payload("t1"), format="json", **KEY).status_code == 200

    @pytest.mark.parametrize("key", ["", "a b", "x" * 201, "\u00e9"])
    def test_has_a_form(self, api: APIClient, key: str) -> None:
        response = api.post(URL, trade_payload(), format="json", HTTP_IDEMPOTENCY_KEY=key)

        assert (response.status_code, fields_of(response)) == (400, ["Idempotency-Key"])


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_do_the_work_once(self) -> None:
        api = client_of("record")

        answers = run_concurrently(*[lambda: api.post(URL, trade_payload("t1"), format="json", **KEY)] * 4)

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses.count(200) >= 1
        assert set(statuses) <= {200, 409}
        assert {str(answer.json()["results"]) for answer in answers if answer.status_code == 200} == {
            str([{"index": 0, "external_id": "t1", "revision": 1, "status": "new", "errors": [], "decisions": []}])
        }
        assert Trade.objects.count() == 1

    def test_meet_while_the_first_is_at_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api, record = client_of("record"), record_trades
        is_in, may_go_on = threading.Event(), threading.Event()

        def slow(*arguments: Any, **named: Any) -> Any:
            is_in.set()
            assert may_go_on.wait(10)
            return record(*arguments, **named)

        monkeypatch.setattr(trades_api, "record_trades", slow)
        answers: list[Any] = []
        first = threading.Thread(
            target=lambda: answers.extend(
                run_concurrently(lambda: api.post(URL, trade_payload("t1"), format="json", **KEY))
            )
        )
        first.start()
        wait_until(is_in.is_set, "the first request is at work")

        second = api.post(URL, trade_payload("t1"), format="json", **KEY)
        may_go_on.set()
        first.join()

        assert (second.status_code, faults(second)) == (409, [])
        assert answers[0].json()["results"][0]["status"] == "new"

    def test_leave_the_key_free_where_the_database_went_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api = client_of("record")

        def away(*_: object, **__: object) -> None:
            raise OperationalError("server closed the connection")

        with monkeypatch.context() as patch:
            patch.setattr(trades_api, "record_trades", away)
            lost = api.post(URL, trade_payload("t1"), format="json", **KEY)
        again = api.post(URL, trade_payload("t1"), format="json", **KEY)

        assert (lost.status_code, lost["Retry-After"]) == (503, "5")
        assert again.json()["results"][0]["status"] == "new"
