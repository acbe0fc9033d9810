"""Whatever is sent to the API, it never answers 5xx, every error names the field to correct, and nothing is stored."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from rest_framework.test import APIClient

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.foundation.core.canonical_json import utc_text
from tests.api_clients import RecordingQueue, bearer, client_of, faults, fields_of
from tests.builders import KEY, NOW, SCOPE, action_payload, make_spec, trade_payload

pytestmark = pytest.mark.django_db

PARAMETERS = ModuleParameters.default("pm").to_document()
MEGABYTE = 1024 * 1024
DEEP = 5000
CORES = ("telemetry", "overrides", "learning")


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that accepts a body, and a valid body for it."""

    address: str
    role: str
    body: Mapping[str, Any]


def trade() -> dict[str, Any]:
    optional: dict[str, Any] = {
        "revision": 1, "book": "paper", "source": "bot", "side": "long", "timeframe": "4h", "cluster_id": "c1",
        "excluded_reason": "a test",
    }  # fmt: skip
    sale = action_payload(action_category="trim", rr_after=0.4, fraction=0.5, decision_ids=[])
    return trade_payload(**optional, actions=[sale])


def episode() -> dict[str, Any]:
    """An episode whose gate without a lever is shut, so that no score and no threshold alone opens it."""
    samples = [{"at": utc_text(NOW), "scores": {"ts": 0.5}, "gates": {"slope_ok": False}, "rr": 0.5}]
    window = {
        "window_id": "w1", "pattern_key": KEY, "action_category": "add", "scope": SCOPE, "retest_index": 1,
        "started_at": utc_text(NOW), "ended_at": utc_text(NOW), "thresholds": {"min_ts_for_add": 0.6},
        "samples": samples, "known_at": utc_text(NOW),
    }  # fmt: skip
    return {
        "episode_id": "e", "revision": 1, "episode_type": "s3_retest", "book": "paper", "source": "bot",
        "symbol": "BTC/USDT", "side": "long", "timeframe": "4h", "cluster_id": "c1", "trade_id": "t1",
        "started_at": utc_text(NOW), "ended_at": utc_text(NOW), "ended_in": "s0", "excluded_reason": "a test",
        "windows": [window],
    }  # fmt: skip


def question() -> dict[str, Any]:
    return {
        "module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE, "at": utc_text(NOW),
        "current": {"size_mult": 1.0}, "rollout_key": "BTC/USDT", "base_allocation": 100.0,
    }  # fmt: skip


def proposal() -> dict[str, Any]:
    lines = [{"override": make_spec().to_document() | {"id": None}}]
    del lines[0]["override"]["id"]
    return {"module": "pm", "kind": "lines", "title": "less of it", "reason": "it loses", "lines": lines}


def proposal_of(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"module": "pm", "kind": kind, "title": "another way", "reason": "it helps", "content": content}


MODE = {"mode": "shadow", "rollout_percent": 50.0, "allow": {"bucket": ["micro"]}, "challenger": None}
ENDPOINTS = {
    "trades": Endpoint("/api/v1/trades/", "record", trade()),
    "episodes": Endpoint("/api/v1/telemetry/episodes/", "record", episode()),
    "resolve": Endpoint("/api/v1/levers/resolve/", "evaluate", question()),
    "requests": Endpoint("/api/v1/requests/", "propose", proposal()),
    "mode": Endpoint("/api/v1/requests/", "propose", proposal_of("mode", MODE)),
    "rollback": Endpoint("/api/v1/requests/", "propose", proposal_of("rollback", {"to": 1})),
    "parameters": Endpoint("/api/v1/requests/", "propose", proposal_of("parameters", PARAMETERS)),
}
POSTS = ("trades", "resolve", "requests")
RAW = {"@1e999": "1e999", "@-1e999": "-1e999", "@digits": "9" * 4000}
WORDS = [
    "", " ", "x", "\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 100_000, "null", "Unknown", "1e999", "٣",
    "2026-03-02T12:00:00", "2126-03-02T12:00:00Z", "1926-03-02T12:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-W10-1T00:00Z", "2026-02-30T00:00:00Z", "2026-03-02T12:00:00+99:99",
]  # fmt: skip
NUMBERS = [-1, 0, 3, 2**31, 2**63, 2**64, 10**400, -0.0, 1e-320, 1e308, 0.1, *RAW]
SHAPES: list[Any] = [True, [], {}, [[]], [{}], {"a": {"b": []}}, {"": 1}, {"\ud800": 1}, {"\0": 1}, {"x" * 1000: 1}]
VALUES: list[Any] = [*WORDS, *NUMBERS, *SHAPES, ["x"] * 10_000, {str(n): n for n in range(1000)}]
FEW: list[Any] = [
    "",
    "\0",
    "\ud800",
    -1,
    10**400,
    "@1e999",
    True,
    [],
    {},
    {"\ud800": 1},
]  # a sample of many similar fields


def is_of_one_object(named: str, path: str) -> bool:
    """Return whether an error names the changed field, a part of it, or a field beside it that no longer fits."""
    return named.startswith(path.rpartition(".")[0]) or path.startswith(named)


def dumped(body: object) -> Any:
    """Return JSON that may contain what json.dumps refuses to write."""
    text = json.dumps(body)
    for mark, number in RAW.items():
        text = text.replace(f'"{mark}"', number)
    return text.encode()


def places(value: object, path: str = "") -> Iterator[str]:
    """Return every path below a JSON value, in the notation of errors."""
    if isinstance(value, dict):
        for key, each in value.items():
            inner = f"{path}.{key}" if path else key
            yield inner
            yield from places(each, inner)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield f"{path}[{index}]"
            yield from places(each, f"{path}[{index}]")


def changed(body: object, path: str, value: object) -> Any:
    """Return the body with another value at the path."""
    result = deepcopy(body)
    steps = [int(each) if each.isdigit() else each for each in path.replace("[", ".").replace("]", "").split(".")]
    holder: Any = result
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = value
    return result


def stored() -> int:
    """Return the number of rows in the tables of telemetry, learning and overrides."""
    models = [model for label in CORES for model in apps.get_app_config(label).get_models()]
    counts = " + ".join(f"(SELECT count(*) FROM {model._meta.db_table})" for model in models)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        rows: int = cursor.fetchone()[0]
    return rows


def post(api: APIClient, door: Endpoint, raw: Any, content_type: str = "application/json", **extra: Any) -> Any:
    return api.generic("POST", door.address, raw, content_type=content_type, **extra)


def refused_fields(response: Any) -> list[str]:
    """Return the fields that were refused, from the problem, from those of a list or from its receipts."""
    if response.status_code == 200 and isinstance(response.json(), list):
        return [error["field"] for each in response.json() for error in each.get("errors", ())]
    if response.status_code != 200 or "results" not in response.json():
        return fields_of(response)
    return [error["field"] for result in response.json()["results"] for error in result["errors"]]


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> RecordingQueue:
    kept = RecordingQueue()
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", kept)
    return kept


CASES = [(name, path) for name, endpoint in ENDPOINTS.items() for path in places(endpoint.body)]


class TestFields:
    @pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{name}-{path}" for name, path in CASES])
    def test_of_a_body_are_named_where_they_hold_what_they_must_not(self, name: str, path: str) -> None:
        endpoint = ENDPOINTS[name]
        api, before = client_of(endpoint.role), stored()

        for number, value in enumerate(VALUES if name in POSTS else FEW):
            body = dict(endpoint.body)
            body |= {key: f"t{number}" for key in ("external_id", "episode_id") if key in body}
            response = post(api, endpoint, dumped(changed(body, path, value)))

            shown, named = repr(value)[:60], refused_fields(response)
            if response.status_code not in (200, 201):
                assert faults(response) == [], shown
                assert named, shown
            if named:
                assert all(is_of_one_object(each, path) for each in named), (shown, named)
                assert stored() == before, shown
            before = stored()


def large(megabytes: int) -> bytes:
    return b'{"external_id": "' + b"x" * (megabytes * MEGABYTE - 20) + b'"}'


JSON = "application/json"
GZIP = {"HTTP_CONTENT_ENCODING": "gzip"}
# Errors before any field is read: bytes, content type, headers, and the expected status.
BODIES: dict[str, tuple[bytes, str, dict[str, str], int]] = {
    "nothing": (b"", JSON, {}, 400),
    "nothing but space": (b" \n", JSON, {}, 400),
    "half of it": (b'{"module": "pm"', JSON, {}, 400),
    "two documents": (b"{}{}", JSON, {}, 400),
    "NaN": (b'{"rr": NaN}', JSON, {}, 400),
    "Infinity": (b'{"rr": Infinity}', JSON, {}, 400),
    "minus Infinity": (b'{"rr": -Infinity}', JSON, {}, 400),
    "a bare NUL": (b'{"module": "p\0m"}', JSON, {}, 400),
    "NUL alone": (b"\0", JSON, {}, 400),
    "a lone surrogate as bytes": (b'{"module": "\xed\xa0\x80"}', JSON, {}, 400),
    "a lone surrogate as a key": (b'{"\\ud800": 1}', JSON, {}, 400),
    "a key that comes twice": (b'{"module": "pm", "module": "dm"}', JSON, {}, 400),
    "a lone surrogate that comes twice": (b'{"\\ud800": 1, "\\ud800": 2}', JSON, {}, 400),
    "a list so deep": (b"[" * DEEP + b"]" * DEEP, JSON, {}, 400),
    "an object so deep": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, JSON, {}, 400),
    "deep below a field": (b'{"scope": ' + b"[" * DEEP + b"]" * DEEP + b"}", JSON, {}, 400),
    "a number of a million digits": (b'{"rr": ' + b"9" * 1_000_000 + b"}", JSON, {}, 400),
    "a fraction of a million digits": (b'{"rr": 0.' + b"9" * 1_000_000 + b"}", JSON, {}, 400),
    "a hundred thousand items": (b"[" + b",".join([b"{}"] * 100_000) + b"]", JSON, {}, 400),
    "a hundred thousand keys": (dumped({str(n): n for n in range(100_000)}), JSON, {}, 400),
    "ten megabytes": (large(10), JSON, {}, 400),
    "eleven megabytes": (large(11), JSON, {}, 413),
    "UTF-16": ('{"module": "pm"}'.encode("utf-16"), JSON, {}, 400),
    "a byte order mark": (b'\xef\xbb\xbf{"module": "pm"}', JSON, {}, 400),
    "Latin-1": ('{"module": "é"}'.encode("latin-1"), JSON, {}, 400),
    "gzip of nothing acceptable": (gzip.compress(b"{}"), JSON, GZIP, 400),
    "gzip that is none": (b"{}", JSON, GZIP, 400),
    "gzip that is cut off": (gzip.compress(b'{"module": "pm"}')[:-9], JSON, GZIP, 400),
    "gzip of eleven megabytes": (gzip.compress(large(11)), JSON, GZIP, 413),
    "gzip within gzip": (gzip.compress(gzip.compress(b"{}")), JSON, {"HTTP_CONTENT_ENCODING": "gzip, gzip"}, 415),
    "two streams of gzip": (gzip.compress(b"{}") * 2, JSON, GZIP, 400),
    "deflate": (zlib.compress(b"{}"), JSON, {"HTTP_CONTENT_ENCODING": "deflate"}, 415),
    "gzip that does not": (gzip.compress(b"{}"), JSON, {}, 400),
    "text": (b"{}", "text/plain", {}, 415),
    "a form": (b"a=1", "application/x-www-form-urlencoded", {}, 415),
    "parts": (b"--x--", "multipart/form-data; boundary=x", {}, 415),
    "no type": (b"{}", "", {}, 415),
    "an odd type": (b"{}", "/;=\xff", {}, 415),
    "a length that is no number": (b"{}", JSON, {"CONTENT_LENGTH": "abc"}, 400),
    "a length below nothing": (b"{}", JSON, {"CONTENT_LENGTH": "-1"}, 400),
    "chunks of no told length": (b"", JSON, {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, 411),
    "an answer that is not JSON": (b"{}", JSON, {"HTTP_ACCEPT": "text/xml"}, 406),
}


class TestBodies:
    @pytest.mark.parametrize("name", POSTS)
    @pytest.mark.parametrize("what", BODIES)
    def test_that_no_endpoint_takes_are_refused_with_the_way_out(self, name: str, what: str) -> None:
        endpoint, (raw, content_type, headers, status) = ENDPOINTS[name], BODIES[what]
        api, before = client_of(endpoint.role), stored()

        response = post(api, endpoint, raw, content_type, **headers)

        if status == 400 and response.status_code == 200:  # trades and questions are judged one by one
            results = response.json() if isinstance(response.json(), list) else response.json()["results"]
            assert {result["status"] for result in results} in ({"refused"}, {400})
        else:
            assert (response.status_code, faults(response)) == (status, [])
        assert stored() == before

    @pytest.mark.parametrize("body", [None, True, 7, "text", [None], [[]], ["x"], [1, {}], {"colour": "red"}, [[[{}]]]])
    @pytest.mark.parametrize("name", POSTS)
    def test_of_another_shape_are_refused(self, name: str, body: object) -> None:
        endpoint = ENDPOINTS[name]
        api, before = client_of(endpoint.role), stored()

        response = post(api, endpoint, dumped(body))

        assert refused_fields(response)
        assert response.status_code == 200 or faults(response) == []
        assert stored() == before

    @pytest.mark.parametrize("key", ["", " ", "x" * 201, "a b", "\u00e9", "a\x00b", "\ud83d", "\t"])
    @pytest.mark.parametrize("name", ["trades", "requests"])
    def test_with_a_key_that_is_none_are_refused(self, name: str, key: str) -> None:
        endpoint = ENDPOINTS[name]
        api, before = client_of(endpoint.role), stored()

        response = post(api, endpoint, dumped(endpoint.body), HTTP_IDEMPOTENCY_KEY=key)

        assert (response.status_code, fields_of(response), faults(response)) == (400, ["Idempotency-Key"], [])
        assert stored() == before


class TestManyFaults:
    @pytest.mark.parametrize("name", POSTS)
    def test_are_told_a_hundred_at_a_time(self, name: str) -> None:
        endpoint = ENDPOINTS[name]

        response = post(client_of(endpoint.role), endpoint, dumped({str(n): n for n in range(5000)}))

        assert len(refused_fields(response)) == 101
        assert "more are not listed" in response.content.decode()
        assert len(response.content) < 22_000


ADDRESSES = [
    "trades/%00/", "trades/a%00b/", "trades/%ff/", "trades/%ED%A0%80/", "trades/..%2f..%2fetc%2fpasswd/", "trades/../",
    "trades/%20/", "trades/" + "x" * 201 + "/", "trades/" + "x" * 50_000, "trades//", "/trades/", "trades/%0a/",
    "decisions/nope/", "decisions/019AB000-0000-7000-8000-000000000000/", "decisions/%00/", "overrides/zz/",
    "overrides/" + "0" * 64, "scorecards/zz/", "scorecards/" + "0" * 64,
    "overrides/" + "F" * 64, "overrides/" + "0" * 65, "versions/xx/1/", "versions/pm/0/",
    "versions/pm/-1/", "versions/pm/1.0/", "versions/pm/99999999999999999999/", "versions/pm/%D9%A3/", "versions/pm/",
    "requests/0/", "requests/-1/", "requests/999999999999999999/", "requests/99999999999999999999/", "requests/1e3/",
    "requests/%00/lines/", "levers/", "levers/resolve/x", "cells/1/", "%F0%9F%92%A9", "schema/x", "docs/..", "%2e/",
]  # fmt: skip


class TestAddresses:
    @pytest.mark.parametrize("address", ADDRESSES, ids=[address[:40] for address in ADDRESSES])
    def test_at_which_there_is_nothing_are_answered_404(self, address: str) -> None:
        api = client_of("read")

        response = api.generic("GET", f"/api/v1/{address}")

        assert (response.status_code, faults(response)) == (404, [])

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("HTTP_AUTHORIZATION", "Bearer"),
            ("HTTP_AUTHORIZATION", "Bearer \xff\xfe"),
            ("HTTP_AUTHORIZATION", "Bearer cw_" + "x" * 100_000),
            ("HTTP_AUTHORIZATION", "Bearer cw_a_b cw_a_b"),
            ("HTTP_AUTHORIZATION", "\0"),
            ("HTTP_ACCEPT", "text/html"),
            ("HTTP_ACCEPT", ";;;,"),
            ("HTTP_HOST", "elsewhere.example"),
            ("HTTP_HOST", "a b\0"),
        ],
    )
    def test_asked_with_odd_headers_are_answered_in_words(self, header: str, value: str) -> None:
        headers: dict[str, Any] = {header: value}
        api = bearer(None) if header == "HTTP_AUTHORIZATION" else client_of("read")

        response = api.generic("GET", "/api/v1/versions/", **headers)

        assert response.status_code in (400, 401, 406)
        assert faults(response) == []

    @pytest.mark.parametrize("value", ["", '"', "W/", "*", "x" * 10_000, '"\xff"', "\0", ",,,"])
    def test_asked_with_an_odd_tag_are_answered_whole(self, value: str) -> None:
        response = client_of("read").get("/api/v1/modes/", HTTP_IF_NONE_MATCH=value)

        assert response.status_code == (304 if value == "*" else 200)

    @pytest.mark.parametrize("value", ["", "x" * 10_000, "\0", "a\r\nSet-Cookie: a=b", "\xff", "é" * 20])
    def test_answer_a_hostile_request_id_with_their_own(self, value: str) -> None:
        response = client_of("read").get("/api/v1/modes/", HTTP_X_REQUEST_ID=value)

        assert response.status_code == 200
        assert response["X-Request-ID"] != value
        assert len(response["X-Request-ID"]) == 32
