"""`/metrics`: for whoever has the token, complete, and fast to say what does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from config.celery import BEAT
from config.operations import database_metrics
from config.operations.probe import Probe
from overrides.serving.confirmations import confirm
from telemetry.audit.alarms import VERIFY_AUDIT, raise_alarm
from telemetry.core.audit_facts import Finding
from tests.builders import NOW, make_spec, publish, set_mode

TOKEN = "a token of thirty characters.."


@pytest.fixture
def token(settings: object) -> str:
    settings.METRICS_TOKEN = TOKEN  # type: ignore[attr-defined]  # pytest-django's settings
    return TOKEN


@contextmanager
def read_here() -> Iterator[None]:
    """Read the database in this thread, whose transaction holds what the test made."""

    class Now(Probe[object]):
        def ask(self) -> object:  # type: ignore[override]  # answers at once
            try:
                found = self._check()
            except OperationalError:
                found = None
            return lambda until: found

    with (
        patch.object(database_metrics, "POSTGRESQL", Now(database_metrics._read_postgresql)),
        patch.object(connection, "close"),
    ):
        yield


def samples(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    with read_here():
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_nobody_reads_it_while_no_token_is_set(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ü"])
def test_a_caller_without_the_token_gets_nothing(client: Client, token: str, sent: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": sent})

    assert (answer.status_code, b"counterweight_" in answer.content) == (401, False)


@pytest.mark.django_db
def test_shows_every_job_alarm_and_queue(client: Client, token: str) -> None:
    raise_alarm(VERIFY_AUDIT, [Finding("audit entry 7", "was changed")], at=NOW)

    found = samples(client)

    assert found["counterweight_database_up", ()] == found["counterweight_queue_up", ()] == 1
    aged = {labels[0][1] for name, labels in found if name == "counterweight_job_period_seconds"}
    assert aged == set(BEAT)
    assert found["counterweight_alarm_open", (("check", VERIFY_AUDIT),)] == 1
    assert found["counterweight_alarm_open", (("check", "replay"),)] == 0
    assert {labels for name, labels in found if name == "counterweight_queue_length"} >= {(("queue", "celery"),)}
    assert ("counterweight_engine_version", (("module", "pm"),)) in found


@pytest.mark.django_db
def test_counts_who_has_not_confirmed_the_newest_state(client: Client, token: str) -> None:
    publish(make_spec())
    set_mode("on")
    confirm("process", "web-1:1:1", {"pm": (1, 1)}, datetime.now(UTC))
    confirm("process", "web-2:1:1", {"pm": (None, None)}, datetime.now(UTC))

    found = samples(client)

    assert found["counterweight_serving_unconfirmed", (("kind", "process"), ("module", "pm"))] == 1
    assert found["counterweight_serving_unconfirmed", (("kind", "client"), ("module", "pm"))] == 0


@pytest.mark.django_db
def test_says_that_a_server_does_not_answer_and_shows_the_rest(client: Client, token: str) -> None:
    with patch.object(database_metrics, "punctuality", side_effect=OperationalError("gone")):
        found = samples(client)

    assert found["counterweight_database_up", ()] == 0
    assert found["counterweight_queue_up", ()] == 1
    assert not [name for name, _ in found if name.startswith("counterweight_job_")]
    assert ("counterweight_decisions_waiting", ()) in found


@pytest.mark.django_db
def test_counts_requests_by_route_method_and_status(client: Client, token: str) -> None:
    def count() -> float:
        labels = (("method", "GET"), ("route", "healthz"), ("status", "200"))
        return samples(client).get(("counterweight_http_request_seconds_count", labels), 0.0)

    before = count()
    client.get("/healthz")
    client.get("/nowhere")

    assert count() == before + 1
    unknown = (("method", "GET"), ("route", "unknown"), ("status", "404"))
    assert ("counterweight_http_request_seconds_count", unknown) in samples(client)
