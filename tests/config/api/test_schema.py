"""The schema matches the endpoints: valid and invalid requests generated from it, against the WSGI application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig

from config.api.schema import schema_document
from config.wsgi import application
from overrides.models import EarnedDay, HoldbackDay
from overrides.serving.clients.client_confirmations import ClientConfirmations
from telemetry.core.trades import parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7
from telemetry.recording.record_trades import record_trades
from tests.api_clients import RecordingQueue, bearer, client_of, new_key
from tests.builders import NOW, action_payload, set_mode, trade_payload
from tests.overrides.admin.serving.test_arms_page import ARM
from tests.world import World, make_world

pytestmark = pytest.mark.django_db

PLAIN = {"Accept-Encoding": "identity"}  # the tool does not decode what a WSGI application sends
# Deterministic and without a database of examples: every run makes the same requests.
CONFIG = {
    "seed": 1,
    "generation": {"max-examples": 20, "deterministic": True, "database": "none", "no-shrink": True},
    "phases": {"stateful": {"enabled": False}, "coverage": {"enabled": False}},
    "output": {"sanitization": {"enabled": False}},
    # Ids, cursors, times and patterns with a valid format need not exist or be consistent.
    "checks": {"positive_data_acceptance": {"enabled": False}},
    # A list of trades or decisions gets a 200 with a receipt for each; errors are in the receipt. A list of questions
    # gets a 200 with the problem of a question in its place; tests/overrides/api/test_resolve.py says of which.
    "operations": [
        {
            "include-operation-id": operation,
            "checks": {
                "negative_data_rejection": {"expected-statuses": ["200", "400", "401", "406", "411", "413", "415"]}
            },
        }
        for operation in ("resolve_levers", "record_trades", "record_episodes", "report_decisions")
    ],
}
schema = schemathesis.openapi.from_dict(schema_document(), config=SchemathesisConfig.from_dict(CONFIG))
schema.app = application

ROLES = {
    "/api/v1/trades/": "record", "/api/v1/levers/resolve/": "evaluate", "/api/v1/requests/": "propose",
    "/ofrep/v1/evaluate/flags/": "evaluate", "/ofrep/v1/evaluate/flags/{key}/": "evaluate",
    "/api/v1/decisions/": "evaluate", "/api/v1/telemetry/episodes/": "record",
}  # fmt: skip
SNAPSHOT = "/api/v1/snapshot/"  # bytes, for those who may resolve


def send_unknown_dimension(now: datetime) -> None:
    opened, closed = (utc_text(now - timedelta(hours=hours)) for hours in (2, 1))
    sent = action_payload(at=opened, scope={"venue": "spot"})
    payload = trade_payload("of today", opened_at=opened, closed_at=closed, actions=[sent])
    record_trades([parse_trade(payload, now=now)], now=now)


def store_what_was_earned() -> None:
    day = {"book": "paper", "day": NOW.date(), "positions": 1, "computed_at": NOW}
    counts = dict.fromkeys(("without_leg", "superseded", "without_rr", "waiting", "opened_before"), 0)
    EarnedDay.objects.create(**day, **counts, moved=1, replayed=0.1, exposure=0.1, rr=1.0)
    HoldbackDay.objects.create(**day, served=1, held_back=0, expected_held_back=0.05, replayed=0.1, unseen=0.0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Make objects to find, and run requests in the test's transaction, as Django's client does."""
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", RecordingQueue())
    monkeypatch.setattr("overrides.api.snapshot.CLIENTS", ClientConfirmations(seconds=3600))  # it writes by itself
    made = make_world()
    store_what_was_earned()
    set_mode("on", arms={"entry_delay_bars": ARM})
    send_unknown_dimension(datetime.now(UTC))  # the page of them looks at the last 90 days by the server's clock
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield made
    for signal in signals:
        signal.connect(close_old_connections)


@schema.parametrize()
@pytest.mark.usefixtures("world")
def test_every_operation_keeps_to_the_schema(case: schemathesis.Case[Any]) -> None:
    role = ROLES.get(case.path, "read") if case.method == "POST" else "read"
    key = new_key("evaluate" if case.path == SNAPSHOT else role)

    case.call_and_validate(headers={"Authorization": f"Bearer {key}", **PLAIN})


OPERATIONS = [(path, method.upper()) for path, methods in schema_document()["paths"].items() for method in methods]


def as_of_now(body: Any) -> Any:
    """Return a body whose decisions were made just now, since older ones are refused."""
    if not isinstance(body, list) or "decision_id" not in body[0]:
        return body
    now = datetime.now(UTC)
    return [each | {"evaluated_at": utc_text(now), "decision_id": str(uuid7(now))} for each in body]


class TestSchema:
    @pytest.mark.parametrize("path", [path for path, method in OPERATIONS if method == "GET" and path != SNAPSHOT])
    def test_holds_for_what_is_stored(self, world: World, path: str) -> None:
        ids = {
            "external_id": world.external_id, "decision_id": world.decision_id, "override_id": world.override_id,
            "request_id": world.request_id, "scorecard_id": world.scorecard_id, "module": "pm", "number": 1,
            "week": "2026-W09", "revision": 1, "episode_id": world.episode_id,
        }  # fmt: skip
        named = {name: quote(str(value), safe="") for name, value in ids.items() if f"{{{name}}}" in path}
        case = schema[path]["GET"].Case(path_parameters=named)

        response = case.call_and_validate(headers={"Authorization": f"Bearer {new_key('read')}", **PLAIN})

        assert response.status_code == 200
        assert "results" not in response.json() or response.json()["results"]

    @pytest.mark.parametrize(("path", "method"), OPERATIONS)
    def test_says_of_every_operation_what_a_caller_needs(self, path: str, method: str) -> None:
        operation = schema_document()["paths"][path][method.lower()]

        assert operation["summary"]
        assert "Keys: " in operation["description"]
        assert [each["name"] for each in operation.get("parameters", ()) if not each.get("description")] == []
        assert {"401", "403", "406", "429"} <= set(operation["responses"])
        assert "requestBody" not in operation or {"400", "411", "413", "415"} <= set(operation["responses"])

    @pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if each[1] == "POST"])
    def test_shows_bodies_that_are_taken(self, path: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", RecordingQueue())
        body = schema_document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]

        assert body["examples"]
        for example in body["examples"].values():
            address = path.replace("{key}", "size_mult")
            response = client_of(ROLES[path]).post(address, as_of_now(example["value"]), format="json")

            assert response.status_code in (200, 201), response.content
            assert "refused" not in response.content.decode()

    def test_lets_unknown_fields_be_sent_nowhere(self) -> None:
        shapes = schema_document()["components"]["schemas"]

        closed = {name for name, shape in shapes.items() if shape.get("additionalProperties") is False}
        assert closed == {
            "Action", "Episode", "Levers", "LocalDecision", "Override", "Proposal", "ProposedLine", "Question",
            "Sample", "Stats", "Trade", "Window",
        }  # fmt: skip

    def test_says_what_bounds_a_request(self) -> None:
        description = schema_document()["info"]["description"]

        assert "at most 10 MB" in description
        assert "1,000 trades of" in description
        assert "stopped after 5 s, a write after 10 s or 5 s of waiting" in description
        assert "read 3,000 (429)" in description

    def test_is_the_same_at_every_making(self) -> None:
        made = schema_document.__wrapped__()

        assert json.dumps(made) == json.dumps(schema_document())

    def test_is_answered_304_to_who_has_it(self) -> None:
        etag = bearer(None).get("/api/v1/schema/")["ETag"]

        response = bearer(None).get("/api/v1/schema/", HTTP_IF_NONE_MATCH=etag)

        assert (response.status_code, response.content) == (304, b"")


class TestDocumentation:
    def test_shows_every_operation_with_its_examples(self) -> None:
        page = bearer(None).get("/api/v1/docs/").content.decode()

        for methods in schema_document()["paths"].values():
            for operation in methods.values():
                assert f'<section id="{operation["operationId"]}">' in page
        assert "Example: An entry and an allocation" in page
        assert "<script" not in page
