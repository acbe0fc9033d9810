"""Levers as flags over OpenFeature's remote evaluation protocol: its own cases, and what a decision needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from overrides.core.engine.definitions.holdback import is_held_back
from overrides.core.engine.definitions.levers import LEVERS, levers_of
from overrides.core.engine.definitions.vocabulary import Reason
from overrides.serving.clients.stream_address import caller_of
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.holdback import holdback_secret
from overrides.serving.openfeature.ofrep import ATTRIBUTES, FLAGS, REASONS, TARGETING_KEY
from telemetry.foundation.core.canonical_json import utc_text
from tests.api_clients import RecordingQueue, bearer, new_key
from tests.builders import KEY, NOW, SCOPE, make_spec, publish, set_mode
from tests.overrides.api.ofrep_protocol import BULK, BULK_FAILURE, FAILURE, NOT_FOUND, SUCCESS, faults
from tests.shared_world import Shared

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue")]

FLAG, BULK_URL = "/ofrep/v1/evaluate/flags/{}", "/ofrep/v1/evaluate/flags"
LEVER, PRODUCT = "alloc_mult", "coefficient_product"
CONTEXT: dict[str, Any] = {
    "targetingKey": "BTC/USDT", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE | {"timeframe": "1h"},
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
    """A provider's client of a process that has loaded what is served."""
    ENGINE_ROOM.refresh()
    return bearer(new_key("evaluate"))


def evaluate(api: APIClient, flag: str = "size_mult", **context: Any) -> Any:
    return api.post(FLAG.format(flag), {"context": CONTEXT | context}, format="json")


def evaluate_all(api: APIClient, etag: str | None = None, **context: Any) -> Any:
    headers: dict[str, Any] = {} if etag is None else {"HTTP_IF_NONE_MATCH": etag}
    return api.post(BULK_URL, {"context": CONTEXT | context}, format="json", **headers)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CONTEXT.items() if name not in names}


REFUSED = [  # body, the protocol's word, and what the details name
    (b"{", "PARSE_ERROR", "JSON"),
    (b'{"context": {"targetingKey": "a", "targetingKey": "b"}}', "PARSE_ERROR", "twice"),
    (b"[]", "PARSE_ERROR", "not an object"),
    ({}, "INVALID_CONTEXT", "context"),
    ({"context": []}, "INVALID_CONTEXT", "context"),
    ({"context": without("targetingKey")}, "TARGETING_KEY_MISSING", "context.targetingKey"),
    ({"context": CONTEXT | {"targetingKey": ""}}, "TARGETING_KEY_MISSING", "context.targetingKey"),
    ({"context": CONTEXT | {"targetingKey": 5}}, "INVALID_CONTEXT", "context.targetingKey"),
    ({"context": CONTEXT | {"pattern_key": "a b"}}, "INVALID_CONTEXT", "context.pattern_key"),
    ({"context": CONTEXT | {"action_category": "buy"}}, "INVALID_CONTEXT", "context.action_category"),
    ({"context": CONTEXT | {"at": "noon"}}, "INVALID_CONTEXT", "context.at"),
    ({"context": CONTEXT | {"module": "xx"}}, "INVALID_CONTEXT", "context.module"),
    ({"context": CONTEXT | {"scope": "micro"}}, "INVALID_CONTEXT", "context.scope"),
    ({"context": CONTEXT | {"scope.bucket": "micro"}}, "INVALID_CONTEXT", "sent nested and flat"),
    ({"context": CONTEXT | {"scope.timezone": {"a": 1}}}, "INVALID_CONTEXT", "context.scope.timezone"),
    ({"context": CONTEXT | {"current.size": 1.0}}, "INVALID_CONTEXT", "context.current.size"),
    ({"context": CONTEXT | {"current.size_mult": "1"}}, "INVALID_CONTEXT", "context.current.size_mult"),
    ({"context": CONTEXT | {"alloc_mult": 9}}, "INVALID_CONTEXT", "context.alloc_mult"),
]


def posted(api: APIClient, url: str, body: Any) -> Any:
    if isinstance(body, bytes):
        return api.generic("POST", url, body.decode(), content_type="application/json")
    return api.post(url, body, format="json")


class TestRefusals:
    @pytest.mark.parametrize(("body", "code", "named"), REFUSED)
    def test_of_one_flag_are_400_in_the_words_of_the_protocol(
        self, api: APIClient, queue: RecordingQueue, body: Any, code: str, named: str
    ) -> None:
        response = posted(api, FLAG.format("size_mult"), body)

        assert (response.status_code, response["Content-Type"]) == (400, "application/json")
        assert faults(FAILURE, response.json()) == []
        assert (response.json()["key"], response.json()["errorCode"]) == ("size_mult", code)
        assert named in response.json()["errorDetails"]
        assert queue.records == []

    @pytest.mark.parametrize(("body", "code", "named"), REFUSED)
    def test_of_all_flags_are_400_too(
        self, api: APIClient, queue: RecordingQueue, body: Any, code: str, named: str
    ) -> None:
        response = posted(api, BULK_URL, body)

        assert (response.status_code, faults(BULK_FAILURE, response.json())) == (400, [])
        assert response.json()["errorCode"] == code
        assert named in response.json()["errorDetails"]
        assert queue.records == []

    @pytest.mark.parametrize("flag", ["size", "pm.size_mult", "SIZE_MULT", "size mult", "size/mult"])
    def test_of_an_unknown_flag_are_404(self, api: APIClient, flag: str) -> None:
        response = evaluate(api, flag)

        assert (response.status_code, faults(NOT_FOUND, response.json())) == (404, [])
        assert response.json()["key"] == flag
        assert "size_mult" in response.json()["errorDetails"]

    @pytest.mark.parametrize(
        ("flag", "context", "named"),
        [
            ("size_mult", {"action_category": "exit"}, "its flags are exit_aggression_mult, trail_mult"),
            ("size_mult", {"module": "dm"}, "flag of pm"),
            ("alloc_mult", {}, "context.action_category"),
        ],
    )
    def test_of_a_lever_that_the_action_does_not_use_name_those_it_uses(
        self, api: APIClient, flag: str, context: dict[str, Any], named: str
    ) -> None:
        response = evaluate(api, flag, **context)

        assert (response.status_code, response.json()["errorCode"]) == (400, "INVALID_CONTEXT")
        assert named in response.json()["errorDetails"]

    @pytest.mark.parametrize(("role", "status"), [(None, 401), ("read", 403)])
    @pytest.mark.parametrize("url", [FLAG.format("size_mult"), BULK_URL])
    def test_of_callers_have_the_status_of_the_protocol(self, role: str | None, status: int, url: str) -> None:
        caller = bearer(None if role is None else new_key(role))

        assert caller.post(url, {"context": CONTEXT}, format="json").status_code == status

    @pytest.mark.usefixtures("in_one_minute")
    def test_of_too_many_requests_say_when_there_are_more(self, settings: Any) -> None:
        settings.API_REQUESTS_PER_MINUTE = settings.API_REQUESTS_PER_MINUTE | {"evaluate": 1}
        caller = bearer(new_key("evaluate"))
        caller.post(BULK_URL, {"context": CONTEXT}, format="json")

        response = caller.post(BULK_URL, {"context": CONTEXT}, format="json")

        assert (response.status_code, int(response["Retry-After"]) > 0) == (429, True)

    def test_of_an_unknown_parameter_name_those_that_are_known(self, api: APIClient) -> None:
        response = api.post(f"{BULK_URL}?etag=1", {"context": CONTEXT}, format="json")

        assert (response.status_code, response.json()["errorCode"]) == (400, "GENERAL")

    def test_below_the_protocols_path_are_problem_details(self, api: APIClient) -> None:
        response = api.get("/ofrep/v1/configuration")

        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*ATTRIBUTES, TARGETING_KEY, "scope.bucket", "scope.", "current.size_mult", "current.", "x"])


class TestAnyContext:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(changes=st.dictionaries(NAMES, JSON, max_size=4), is_bare=st.booleans())
    def test_is_evaluated_or_refused_in_the_words_of_the_protocol(
        self, api: APIClient, changes: dict[str, Any], is_bare: bool
    ) -> None:
        body = json.dumps({"context": ({} if is_bare else CONTEXT) | changes})

        for url, success, failure in ((BULK_URL, BULK, BULK_FAILURE), (FLAG.format("size_mult"), SUCCESS, FAILURE)):
            response: Any = api.generic("POST", url, body, content_type="application/json")
            assert response.status_code in (200, 400)
            assert faults(success if response.status_code == 200 else failure, response.json()) == []


class TestOneFlag:
    def test_is_the_lever_as_resolve_answers_it(self, api: APIClient, queue: RecordingQueue) -> None:
        response = evaluate(api)

        (record,) = queue.records
        document = response.json()
        assert (response.status_code, faults(SUCCESS, document)) == (200, [])
        assert document == {
            "key": "size_mult",
            "value": 1.02,
            "reason": "TARGETING_MATCH",
            "variant": "version 1",
            "metadata": {
                "reason": "SINGLE",
                "decision_id": str(record.decision_id),
                "evaluated_at": utc_text(NOW),
                "flags": "STEP_LIMITED",
                "mode": "on",
                "version": 1,
            },
        }
        assert record.request["rollout_key"] == "BTC/USDT"

    @pytest.mark.parametrize(("flag", "text"), [("phase1_frac_mult", "1.0"), ("entry_delay_bars", "0.0")])
    def test_stays_a_float_where_it_is_whole(self, api: APIClient, flag: str, text: str) -> None:
        assert f'"value":{text},'.encode() in evaluate(api, flag).content.replace(b": ", b":")

    def test_of_dm_needs_no_pattern(self, api: APIClient, queue: RecordingQueue) -> None:
        body = {"context": {"targetingKey": "BTC/USDT"}}
        found = [
            api.post(FLAG.format(flag), body, format="json").json() for flag in ("alloc_mult", "coefficient_product")
        ]

        assert [(each["value"], each["reason"], each["variant"]) for each in found] == [
            (1.0, "DISABLED", "neutral")
        ] * 2
        assert [record.module for record in queue.records] == ["dm", "dm"]

    def test_may_be_of_a_context_that_is_flat(self, api: APIClient, queue: RecordingQueue) -> None:
        flat = without("scope") | {f"scope.{name}": value for name, value in CONTEXT["scope"].items()}
        body = {"context": flat | {"current.size_mult": 1.1}}

        api.post(FLAG.format("size_mult"), body, format="json")

        assert queue.records[0].scope == CONTEXT["scope"]
        assert queue.records[0].request["current"] == {"size_mult": 1.1}

    def test_names_the_attributes_that_it_ignored(self, api: APIClient) -> None:
        response = evaluate(api, email="a@b.example", plan=None, patern_key="x")

        assert response.json()["metadata"]["ignored"] == "email, plan, patern_key"

    def test_may_be_asked_for_with_the_key_in_the_protocols_own_header(self, queue: RecordingQueue) -> None:
        caller = APIClient(HTTP_X_API_KEY=new_key("evaluate"))

        assert evaluate(caller).status_code == 200

    def test_is_neutral_with_the_reason_where_something_fails(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("overrides.core.engine.serve.combine", fail)

        response = evaluate(api)

        assert response.status_code == 200
        document = response.json()
        assert (document["value"], document["reason"], document["variant"]) == (1.0, "UNKNOWN", "neutral")
        assert document["metadata"]["reason"] == "ERROR"

    @pytest.mark.parametrize(
        ("mode", "restriction", "reason"),
        [
            ("off", {}, "DISABLED"),
            ("shadow", {}, "DISABLED"),
            ("on", {"rollout_percent": 0.0}, "SPLIT"),
            ("on", {"allow": {"timeframe": ["4h"]}}, "STATIC"),
        ],
    )
    def test_says_in_the_protocols_words_why_it_is_neutral(
        self, queue: RecordingQueue, mode: str, restriction: dict[str, Any], reason: str
    ) -> None:
        set_mode(mode, **restriction)
        ENGINE_ROOM.refresh()

        document = evaluate(bearer(new_key("evaluate"))).json()

        assert (document["value"], document["reason"], document["variant"]) == (1.0, reason, "neutral")

    def test_is_neutral_for_a_position_that_is_held_back(self, queue: RecordingQueue) -> None:
        set_mode("on", holdback_percent=20)
        ENGINE_ROOM.refresh()
        api, keys = bearer(new_key("evaluate")), [f"BTC/USDT {day}" for day in range(60)]
        held = next(key for key in keys if is_held_back(holdback_secret(), key, 20))
        served = next(key for key in keys if not is_held_back(holdback_secret(), key, 20))

        found = [evaluate(api, position_key=key).json() for key in (held, served)]

        assert [(each["value"], each["reason"], each["metadata"]["reason"]) for each in found] == [
            (1.0, "SPLIT", "HOLDBACK"),
            (1.02, "TARGETING_MATCH", "SINGLE"),
        ]


class TestAllFlags:
    def test_are_the_levers_of_the_action_from_one_decision(self, api: APIClient, queue: RecordingQueue) -> None:
        response = evaluate_all(api)

        document = response.json()
        assert (response.status_code, faults(BULK, document)) == (200, [])
        assert [each["key"] for each in document["flags"]] == [lever.name for lever in levers_of("pm", "entry")]
        decisions = {each["metadata"]["decision_id"] for each in document["flags"]}
        assert decisions == {str(record.decision_id) for record in queue.records}
        assert len(decisions) == 1

    def test_of_dm_include_the_coefficient_product(self, api: APIClient) -> None:
        body = {"context": {"targetingKey": "a", "action_category": "allocation"}}

        flags = api.post(BULK_URL, body, format="json").json()["flags"]

        assert [each["key"] for each in flags] == ["alloc_mult", "coefficient_product"]

    def test_of_a_program_that_is_starting_fail_one_by_one(self, api: APIClient, queue: RecordingQueue) -> None:
        response = api.post(BULK_URL, {"context": {"targetingKey": "a", "service": "bot"}}, format="json")

        document = response.json()
        assert (response.status_code, faults(BULK, document)) == (200, [])
        assert {each["key"]: each["errorCode"] for each in document["flags"]} == dict.fromkeys(FLAGS, "INVALID_CONTEXT")
        assert queue.records == []

    @pytest.mark.parametrize("change", [str, lambda tag: tag.strip('"'), lambda tag: f'"x", W/{tag}'])
    def test_are_not_evaluated_again_for_a_provider_that_has_them(
        self, api: APIClient, queue: RecordingQueue, change: Any
    ) -> None:
        etag = evaluate_all(api)["ETag"]

        response = evaluate_all(api, change(etag))

        assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
        assert len(queue.records) == 1

    def test_are_evaluated_again_for_another_context_version_or_mode(
        self, api: APIClient, queue: RecordingQueue
    ) -> None:
        etags = [evaluate_all(api)["ETag"]]

        etags.append(evaluate_all(api, etags[-1], action_category="add")["ETag"])
        set_mode("shadow")
        ENGINE_ROOM.refresh()
        changed = evaluate_all(api, etags[0])

        assert (changed.status_code, len({*etags, changed["ETag"]})) == (200, 3)

    def test_are_evaluated_again_in_the_next_hour(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(hours=1)

        body = {"context": without("at")}
        etag = api.post(BULK_URL, body, format="json")["ETag"]
        monkeypatch.setattr("overrides.api.ofrep.datetime", Later)

        response = api.post(BULK_URL, body, format="json", HTTP_IF_NONE_MATCH=etag)

        assert response.status_code == 200

    def test_name_a_stream_that_only_this_caller_may_hear(self, api: APIClient, settings: Any) -> None:
        settings.STREAM_URL = "https://counterweight.example/api/v1/stream/"

        document = evaluate_all(api).json()

        (stream,) = document["eventStreams"]
        query = parse_qs(urlsplit(stream["url"]).query)
        assert faults(BULK, document) == []
        assert (stream["type"], query["module"], query["form"]) == ("sse", ["pm"], ["openfeature"])
        assert (caller_of(query["ticket"][0]) or "").startswith("key:")

    def test_name_no_stream_where_none_is_configured(self, api: APIClient) -> None:
        assert "eventStreams" not in evaluate_all(api).json()

    def test_may_be_asked_for_with_what_an_event_said(self, api: APIClient) -> None:
        address = f"{BULK_URL}?flagConfigEtag=%22pm-1-1-4%22&flagConfigLastModified=1771622898"

        assert api.post(address, {"context": CONTEXT}, format="json").status_code == 200


def test_every_reason_has_a_word_of_the_protocol() -> None:
    assert set(REASONS) == set(Reason)
    assert set(REASONS.values()) <= set(SUCCESS["properties"]["reason"]["enum"])


def test_every_lever_is_a_flag_and_no_name_is_given_twice() -> None:
    assert set(LEVERS) < set(FLAGS)
    assert len(FLAGS) == len(set(FLAGS))
