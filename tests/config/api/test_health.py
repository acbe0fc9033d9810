from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from config.celery import BEAT
from config.operations import health
from overrides.serving.engine import ENGINE_ROOM
from telemetry.audit.alarms import VERIFY_AUDIT, acknowledge_alarm, alarm_of, raise_alarm
from telemetry.audit.simulated_time import simulated_time
from telemetry.core.audit_facts import Finding
from telemetry.foundation.models import OutboxMessage
from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of
from tests.builders import (
    NOW,
    action_payload,
    database_away,
    decision_ids,
    make_decision,
    make_spec,
    make_trade,
    publish,
)

URL = "/api/v1/health/"


@pytest.fixture
def api(transactional_db: None) -> APIClient:
    """Return a client; the report uses connections of its own, which see only committed data."""
    return client_of("evaluate")


class TestHealth:
    def test_tells_what_answers_and_what_waits(self, api: APIClient) -> None:
        publish(make_spec())
        ENGINE_ROOM.refresh()
        action = action_payload(decision_ids=decision_ids(make_decision()))
        record_trades([make_trade(actions=[action]), make_trade("t2")], now=NOW)
        for sent_at in (None, NOW):
            OutboxMessage.objects.create(task="x", created_at=NOW, due_at=NOW, sent_at=sent_at)

        response = api.get(URL)

        body = response.json()
        assert response.status_code == 200
        assert (body["postgresql"], body["queue"], body["migrations_unapplied"]) == ("ok", "ok", 0)
        assert body["waiting"] == {"dirty_groups": 1, "trades": 1, "messages": 1}
        assert body["decisions_waiting"] == 0
        assert (body["engines"]["pm"]["status"], body["engines"]["pm"]["version"]) == ("ok", 1)
        assert body["engines"]["dm"]["version"] is None
        assert set(body["jobs"]) == set(BEAT)

    def test_names_the_checks_whose_findings_nobody_has_explained(self, api: APIClient) -> None:
        assert api.get(URL).json()["alarms"] == []
        raise_alarm(VERIFY_AUDIT, [Finding("vote 7", "is not there")], at=NOW)

        body = api.get(URL).json()

        assert (body["status"], body["alarms"]) == ("degraded", ["verify audit"])
        alarm = alarm_of(VERIFY_AUDIT)
        assert alarm is not None
        acknowledge_alarm(VERIFY_AUDIT, digest=alarm.digest, by="chief", reason="a test", at=NOW)
        assert api.get(URL).json()["alarms"] == []

    def test_names_a_clock_that_the_database_would_refuse(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert api.get(URL).json()["clock_ahead_seconds"] is None
        monkeypatch.setattr(health, "clock_difference", lambda: -6.04)

        body = api.get(URL).json()

        assert (body["status"], body["clock_ahead_seconds"]) == ("degraded", -6.0)

    def test_says_since_when_time_is_simulated(self, api: APIClient) -> None:
        simulated = simulated_time()
        assert simulated is not None
        assert api.get(URL).json()["simulated_since"] == simulated.since.isoformat()

    def test_is_told_to_a_known_key_while_the_database_is_away(self, api: APIClient) -> None:
        api.get(URL)  # reads the keys

        with database_away():
            response = api.get(URL)

        body = response.json()
        assert (response.status_code, body["status"], body["postgresql"]) == (200, "down", "down")
        assert (body["waiting"], body["queue"]) == (None, "ok")

    def test_takes_no_parameter(self, api: APIClient) -> None:
        response = api.get(f"{URL}?verbose=true")

        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "verbose")
