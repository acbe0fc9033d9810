"""The Python SDK of OpenFeature and its own provider of the remote evaluation protocol, over a real connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from config.access.api.authentication import KEY_RING
from overrides.serving.engine import ENGINE_ROOM
from telemetry.foundation.core.canonical_json import utc_text
from tests.api_clients import RecordingQueue, new_key
from tests.builders import KEY, NOW, SCOPE, make_spec, publish, set_mode

pytestmark = pytest.mark.django_db(transaction=True)

ATTRIBUTES: dict[str, Any] = {
    "pattern_key": KEY, "action_category": "entry", "at": utc_text(NOW), "scope": SCOPE | {"timeframe": "1h"},
}  # fmt: skip
CONTEXT = EvaluationContext("BTC/USDT", ATTRIBUTES)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Take the provider from the SDK, and end the thread that reads keys along with its connection."""
    yield
    api.clear_providers()
    KEY_RING.close()


@pytest.fixture
def sdk(live_server: Any, queue: RecordingQueue) -> OpenFeatureClient:
    """A client of the SDK, with one override of size 1.1 in force and served."""
    publish(make_spec())
    set_mode("on")
    ENGINE_ROOM.refresh()
    return client_with(live_server, {"Authorization": f"Bearer {new_key('evaluate')}"})


def client_with(live_server: Any, headers: dict[str, str]) -> OpenFeatureClient:
    provider = OFREPProvider(live_server.url, headers_factory=lambda: headers)
    provider.session.trust_env = False  # no proxy of the environment
    api.set_provider(provider)
    return api.get_client()


def test_reads_a_lever_with_its_reason_and_the_decision(sdk: OpenFeatureClient, queue: RecordingQueue) -> None:
    found = sdk.get_float_details("size_mult", 1.0, CONTEXT)

    assert (found.value, found.variant, found.reason, found.error_code) == (1.02, "version 1", "TARGETING_MATCH", None)
    assert found.flag_metadata["decision_id"] == str(queue.records[0].decision_id)
    assert found.flag_metadata["reason"] == "SINGLE"


def test_reads_a_whole_lever_as_a_float(sdk: OpenFeatureClient) -> None:
    found = sdk.get_float_details("entry_delay_bars", 9.0, CONTEXT)

    assert (found.value, type(found.value), found.error_code) == (0.0, float, None)


@pytest.mark.parametrize(
    ("flag", "context", "code"),
    [
        ("size", CONTEXT, ErrorCode.FLAG_NOT_FOUND),
        ("size_mult", EvaluationContext(None, ATTRIBUTES), ErrorCode.TARGETING_KEY_MISSING),
        ("size_mult", EvaluationContext("BTC/USDT", ATTRIBUTES | {"scope": "x"}), ErrorCode.INVALID_CONTEXT),
        ("size_mult", EvaluationContext("BTC/USDT", {}), ErrorCode.INVALID_CONTEXT),
    ],
)
def test_gets_the_default_of_its_code_and_the_error_of_the_protocol(
    sdk: OpenFeatureClient, flag: str, context: EvaluationContext, code: ErrorCode
) -> None:
    found = sdk.get_float_details(flag, 0.9, context)

    assert (found.value, found.error_code, found.reason) == (0.9, code, "ERROR")


def test_is_told_of_another_type(sdk: OpenFeatureClient) -> None:
    assert sdk.get_string_details("size_mult", "x", CONTEXT).error_code == ErrorCode.TYPE_MISMATCH


def test_without_a_key_gets_the_default_of_its_code(live_server: Any) -> None:
    found = client_with(live_server, {}).get_float_details("size_mult", 0.9, CONTEXT)

    assert (found.value, found.error_message) == (0.9, "unauthorized")


def test_may_send_the_key_in_the_header_of_the_protocol(sdk: OpenFeatureClient, live_server: Any) -> None:
    found = client_with(live_server, {"X-API-Key": new_key("record")}).get_float_details("size_mult", 1.0, CONTEXT)

    assert found.value == 1.02


@pytest.mark.usefixtures("in_one_minute")
def test_waits_as_long_as_a_rate_limit_says(live_server: Any, settings: Any, queue: RecordingQueue) -> None:
    settings.API_REQUESTS_PER_MINUTE = settings.API_REQUESTS_PER_MINUTE | {"evaluate": 1}
    client = client_with(live_server, {"X-API-Key": new_key("evaluate")})
    found = [client.get_float_details("size_mult", 0.9, CONTEXT) for _ in range(3)]

    assert [each.error_code for each in found] == [None, ErrorCode.GENERAL, ErrorCode.GENERAL]
    assert "Rate limited" in (found[1].error_message or "")
    assert "paused" in (found[2].error_message or "")
