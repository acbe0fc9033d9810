"""What the schema says is what the endpoints do: requests made from it, good and bad, against the WSGI application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig

from config.pages.schema import schema_document
from config.wsgi import application
from tests.clients import new_key
from tests.world import make_world

pytestmark = pytest.mark.django_db

# Nothing is drawn by chance and nothing is remembered: every run makes the same requests.
CONFIG = {
    "seed": 1,
    "generation": {"max-examples": 20, "deterministic": True, "database": "none", "no-shrink": True},
    "phases": {"stateful": {"enabled": False}},
}
schema = schemathesis.openapi.from_dict(schema_document(), config=SchemathesisConfig.from_dict(CONFIG))
schema.app = application


@pytest.fixture
def world() -> Iterator[None]:
    """Something to find, and requests that run in the test's transaction, as Django's own client has it."""
    make_world()
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@schema.parametrize()
@pytest.mark.usefixtures("world")
def test_every_operation_keeps_to_the_schema(case: schemathesis.Case) -> None:
    role = {"record_trades": "record", "resolve_levers": "evaluate", "propose": "propose"}
    key = new_key(role.get(case.operation.definition.raw["operationId"], "read"))

    case.call_and_validate(headers={"Authorization": f"Bearer {key}"})
