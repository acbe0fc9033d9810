"""The usual question for levers is answered before Django's handler, as Django's handler would have answered it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections
from django.test import RequestFactory

from config.operations.logs import EventRecord
from config.short_handler import ShortHandler, short_match
from overrides.api.resolve import ResolveView
from overrides.serving.engine import ENGINE_ROOM
from tests.api_clients import RecordingQueue, new_key

pytestmark = pytest.mark.django_db

RESOLVE = "/api/v1/levers/resolve/"
QUESTION = {"module": "pm", "pattern_key": "uptrend.S1.buy_flag", "action_category": "entry", "scope": {"a": "b"}}
DIFFERS = {"X-Request-ID", "RateLimit"}  # from one request to the next
Answer = tuple[str, dict[str, str], bytes]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingQueue]:
    """Keep decisions, and let handlers run in the test's transaction."""
    recording = RecordingQueue()
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", recording)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    ENGINE_ROOM.refresh()
    yield recording
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key() -> str:
    return new_key("evaluate")


def asked(handler: WSGIHandler, key: str, body: Any = QUESTION, address: str = RESOLVE, **environ: Any) -> Answer:
    """Return status, headers and body of an answer, as a server asks for it."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = RequestFactory().generic("POST", address, content, "application/json", **environ).environ
    made |= {"wsgi.input": io.BytesIO(content), "HTTP_AUTHORIZATION": f"Bearer {key}"}
    started: list[Any] = []
    found = handler(made, lambda *line: started.extend(line))  # type: ignore[arg-type]  # nothing writes
    return started[0], dict(started[1]), b"".join(found)


class TestUsual:
    @pytest.mark.parametrize("query", ["", "?explain=none", "?explain=full", "?dry=true"])
    @pytest.mark.parametrize("accepts", ["identity", "gzip"])
    def test_is_answered_as_by_django(self, queue: RecordingQueue, key: str, query: str, accepts: str) -> None:
        body, environ = [QUESTION] * 10, {"HTTP_ACCEPT_ENCODING": accepts}

        ours = asked(ShortHandler(), key, body, RESOLVE + query, **environ)
        theirs = asked(WSGIHandler(), key, body, RESOLVE + query, **environ)

        assert ours[0] == theirs[0] == "200 OK"
        assert ours[1].keys() == theirs[1].keys()
        lengths = {"Content-Length"} if accepts == "gzip" else set()
        for name in ours[1].keys() - DIFFERS - lengths:
            assert (name, ours[1][name]) == (name, theirs[1][name])
        assert len(queue.records) == (0 if "dry" in query else 20)

    def test_meets_no_middleware_and_no_signal(
        self, monkeypatch: pytest.MonkeyPatch, queue: RecordingQueue, key: str
    ) -> None:
        def meet(*_: object, **__: object) -> None:
            raise AssertionError("a usual question came here")

        monkeypatch.setattr(WSGIHandler, "__call__", meet)

        assert asked(ShortHandler(), key)[0] == "200 OK"

    def test_leaves_its_line(self, caplog: pytest.LogCaptureFixture, queue: RecordingQueue, key: str) -> None:
        with caplog.at_level(logging.INFO, "config.middleware"):
            _, headers, _ = asked(ShortHandler(), key, HTTP_X_REQUEST_ID="bot-7")

        (record,) = [each for each in caplog.records if isinstance(each, EventRecord)]
        line: Any = record.msg
        assert (line["path"], line["status"], line["request_id"]) == (RESOLVE, 200, headers["X-Request-ID"])
        assert line["who"].startswith("key:")


class TestUnusual:
    @pytest.mark.parametrize(
        ("status", "body", "environ"),
        [
            ("400 Bad Request", {"module": "xx"}, {}),
            ("400 Bad Request", b"{", {}),
            ("400 Bad Request", QUESTION, {"HTTP_HOST": "elsewhere.example"}),
            ("411 Length Required", QUESTION, {"HTTP_TRANSFER_ENCODING": "chunked"}),
            ("413 Request Entity Too Large", QUESTION, {"CONTENT_LENGTH": str(10**9)}),
            ("200 OK", QUESTION, {"HTTP_ACCEPT": "application/json;q=0.5, */*"}),
        ],
    )
    def test_is_answered_by_django(
        self, queue: RecordingQueue, key: str, status: str, body: Any, environ: dict[str, str]
    ) -> None:
        found, headers, content = asked(ShortHandler(), key, body, **environ)

        assert (found, len(headers["X-Request-ID"])) == (status, 32)
        assert json.loads(content)

    def test_key_is_refused_in_drfs_words(self, queue: RecordingQueue) -> None:
        status, headers, _ = asked(ShortHandler(), "cw_none_none")

        assert (status, headers["WWW-Authenticate"]) == ("401 Unauthorized", "Bearer")

    def test_request_is_counted_once(self, queue: RecordingQueue, key: str) -> None:
        def left(body: Any) -> int:
            return int(asked(ShortHandler(), key, body)[1]["RateLimit"].split(";r=")[1].split(";")[0])

        assert left(QUESTION) - left({"module": "xx"}) == 1

    def test_scheme_is_led_to_https(self, queue: RecordingQueue, key: str, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 60

        handler = ShortHandler()
        plain = asked(handler, key)
        secure = asked(handler, key, **{"wsgi.url_scheme": "https"})

        assert plain[0].startswith("301")
        assert secure[1]["Strict-Transport-Security"].startswith("max-age=60")

    def test_failure_is_a_503_and_answered_once(
        self, monkeypatch: pytest.MonkeyPatch, queue: RecordingQueue, key: str
    ) -> None:
        calls: list[object] = []

        def away(*_: object) -> None:
            calls.append(None)
            raise OperationalError("server closed the connection")

        monkeypatch.setattr(ResolveView, "answer", away)

        status, headers, _ = asked(ShortHandler(), key)

        assert (status, headers["Retry-After"], len(calls)) == ("503 Service Unavailable", "5", 1)

    @pytest.mark.parametrize("path", ["/", "/api/v1/trades/", "/api/v1/nowhere/", "/admin/login/", "/api/v1/docs/"])
    def test_address_is_no_short_one(self, path: str) -> None:
        assert short_match(path) is None
