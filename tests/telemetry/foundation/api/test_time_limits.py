"""Waiting for another connection's lock ends in time, with a clear message and nothing half written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from overrides.models import ChangeRequest, Override
from telemetry.foundation.models import StoredAnswer
from telemetry.models import Trade
from telemetry.recording.record_trades import record_trades
from tests.api_clients import PROBLEM, RecordingQueue, client_of
from tests.builders import KEY, NOW, SCOPE, make_spec, make_trade, trade_payload

pytestmark = pytest.mark.django_db(transaction=True)

TRADES, REQUESTS, RESOLVE = "/api/v1/trades/", "/api/v1/requests/", "/api/v1/levers/resolve/"
NAMED: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k1"}
CORRECTION = trade_payload("t1", revision=2, correction_reason="the fee was wrong", rr=1.25)
PROPOSAL = {
    "module": "pm", "kind": "lines", "title": "a change", "reason": "because",
    "lines": [{"override": make_spec().to_document()}],
}  # fmt: skip


@contextmanager
def held(statement: str) -> Iterator[None]:
    """Keep a transaction of another connection open that has run the statement."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(statement)
        yield
        other.rollback()
    finally:
        other.close()


def timeouts() -> tuple[str, str]:
    """Return the time limits of this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        found: tuple[str, str] = cursor.fetchone()
    return found


class TestRowHeldElsewhere:
    @pytest.fixture(autouse=True)
    def impatient(self, settings: Any) -> None:
        settings.API_LOCK_SECONDS = 0.2

    def test_is_waited_for_so_long_and_nothing_is_written(self) -> None:
        api = client_of("record")
        record_trades([make_trade("t1")], now=NOW)

        with held("SELECT 1 FROM telemetry_trade FOR UPDATE"):
            response = api.post(TRADES, [trade_payload("t0"), CORRECTION], format="json", **NAMED)

        assert (response.status_code, response["Content-Type"], response["Retry-After"]) == (503, PROBLEM, "5")
        assert "by somebody else for 0.2 s, so nothing was written" in response.json()["detail"]
        assert list(Trade.objects.values_list("external_id", "revision")) == [("t1", 1)]
        assert not StoredAnswer.objects.exists()
        assert timeouts() == ("0", "0")

    def test_is_written_by_the_same_request_once_it_is_free(self) -> None:
        api = client_of("record")
        record_trades([make_trade("t1")], now=NOW)
        with held("SELECT 1 FROM telemetry_trade FOR UPDATE"):
            api.post(TRADES, [CORRECTION], format="json", **NAMED)

        again = api.post(TRADES, [CORRECTION], format="json", **NAMED)

        assert [each["status"] for each in again.json()["results"]] == ["corrected"]
        assert "Idempotent-Replayed" not in again

    def test_leaves_no_override_of_a_request_that_could_not_be_drafted(self) -> None:
        api = client_of("propose")

        with held("LOCK TABLE overrides_changerequest IN EXCLUSIVE MODE"):
            response = api.post(REQUESTS, PROPOSAL, format="json", **NAMED)

        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert not ChangeRequest.objects.exists()
        assert not Override.objects.exists()

    def test_does_not_keep_a_bot_from_its_levers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        queue = RecordingQueue()
        monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", queue)
        question = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
        api = client_of("evaluate")

        with held("LOCK TABLE telemetry_decision IN ACCESS EXCLUSIVE MODE"):
            response = api.post(f"{RESOLVE}?durable=true", question, format="json")

        assert (response.status_code, response.json()["durable"]) == (200, False)
        assert [str(record.decision_id) for record in queue.records] == [response.json()["decision_id"]]


class TestSlowStatement:
    def test_of_a_write_is_stopped_and_less_is_advised(self, settings: Any) -> None:
        settings.API_WRITE_SECONDS = 0.2  # shorter than the wait for a lock
        api = client_of("record")

        with held("LOCK TABLE telemetry_outcome IN ACCESS EXCLUSIVE MODE"):
            response = api.post(TRADES, [trade_payload("t1")], format="json")

        assert (response.status_code, response["Content-Type"]) == (503, PROBLEM)
        assert response.json()["detail"] == "stopped after 0.2 s; nothing was written; send less at a time"
        assert not Trade.objects.exists()
        assert timeouts() == ("0", "0")
