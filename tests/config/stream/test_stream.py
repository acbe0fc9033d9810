"""The stream of changes, served by the real server over real connections, from a real database."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from devkit.processes import free_port

from config.access.api import authentication
from config.access.keys import revoke_key
from config.stream import application, listeners, watcher
from config.stream.__main__ import server
from overrides.serving.clients.stream_address import stream_address, ticket_for
from tests.api_clients import new_key
from tests.builders import make_spec, publish, set_mode, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/stream/"
SOON = 5.0  # seconds, on a busy machine


class Heard:
    """One listener: its response, and the events read from it."""

    def __init__(self, port: int, key: str | None, query: str = "", headers: dict[str, str] | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
        sent = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.connection.request("GET", f"{PATH}{query}", headers=sent | (headers or {}))
        self.response = self.connection.getresponse()

    @property
    def status(self) -> int:
        return self.response.status

    def block(self) -> dict[str, str]:
        """Return the fields of the next event or comment (a comment is the field "")."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        return fields

    def event(self) -> dict[str, Any]:
        """Return the data of the next event."""
        while "data" not in (fields := self.block()):
            if not fields:
                raise EOFError("the stream has ended")
        self.last_id, self.name = fields["id"], fields["event"]
        data: dict[str, Any] = json.loads(fields["data"])
        return data

    def is_ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.response.readline():
                return True
        return False

    def close(self) -> None:
        self.response.close()
        self.connection.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read keys and states often, as tests need not wait for it."""
    monkeypatch.setattr(authentication, "REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(watcher, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(application, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(application, "REPEAT_SECONDS", 0.3)


@pytest.fixture
def port(quick: None, settings: Any) -> Iterator[int]:
    """Return the port of a stream with at most three listeners."""
    settings.STREAM_CONNECTIONS = 3
    port = free_port()
    process = server("127.0.0.1", port)
    thread = threading.Thread(target=process.run)
    thread.start()
    try:
        wait_until(lambda: process.started, "the stream to start", seconds=30)
        yield port
    finally:
        process.should_exit = True
        thread.join(30)
        authentication.KEY_RING.close()


@pytest.fixture
def key() -> str:
    return new_key("evaluate")


def listen(port: int, key: str | None, query: str = "", **headers: str) -> Any:
    return closing(Heard(port, key, query, {name.replace("_", "-"): value for name, value in headers.items()}))


def listener_count(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    with closing(connection):
        connection.request("GET", "/healthz")
        count: int = json.loads(connection.getresponse().read())["listeners"]
        return count


class TestEvents:
    def test_begin_with_the_state_of_each_module(self, key: str, port: int) -> None:
        with listen(port, key) as heard:
            found = [heard.event(), heard.event()]

        assert heard.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert [(each["module"], each["version"], each["mode_revision"]) for each in found] == [
            ("dm", None, None),
            ("pm", None, None),
        ]
        assert heard.last_id == "dm-0-0-4.pm-0-0-4"

    def test_tell_of_a_new_version_and_of_a_new_mode(self, key: str, port: int) -> None:
        with listen(port, key, "?module=pm") as heard:
            first = heard.event()
            publish(make_spec())
            second = heard.event()
            set_mode("on")
            third = heard.event()

        assert [each["version"] for each in (first, second, third)] == [None, 1, 1]
        assert third == {"module": "pm", "version": 1, "mode_revision": 1, "etag": '"pm-1-1-4"'}
        assert heard.name == "changed"

    def test_come_at_once_where_postgresql_notifies_of_a_version(
        self, key: str, port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with listen(port, key, "?module=pm") as heard:
            heard.event()
            monkeypatch.setattr(watcher, "POLL_SECONDS", 60.0)
            time.sleep(0.3)  # the short pause ends, and a long one begins
            publish(make_spec())
            assert heard.event()["version"] == 1

    def test_are_not_repeated_to_a_listener_that_names_the_last_one(self, key: str, port: int) -> None:
        publish(make_spec())
        with listen(port, key, "?module=pm") as heard:
            while heard.event()["version"] is None:
                pass
        with listen(port, key, Last_Event_ID=f"dm-7-0-4.{heard.last_id}") as heard:
            assert heard.event()["module"] == "dm"
            set_mode("shadow")
            assert heard.event()["mode_revision"] == 1

    def test_ask_a_provider_of_openfeature_to_evaluate_again_and_once_more(self, key: str, port: int) -> None:
        with listen(port, key, "?module=pm&form=openfeature") as heard:
            heard.event()
            publish(make_spec())
            found = [heard.event(), heard.event()]

        assert found == [{"type": "refetchEvaluation", "etag": '"pm-1-0-4"'}] * 2
        assert heard.name == "message"

    def test_are_comments_while_nothing_changes(self, key: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listeners, "HEARTBEAT_SECONDS", 0.1)
        with listen(port, key, "?module=pm") as heard:
            assert heard.block() == {"retry": "2000"}
            heard.event()
            assert [heard.block(), heard.block()] == [{"": "no change"}] * 2


class TestCallers:
    @pytest.mark.parametrize("sent", [None, "cw_", "cw_0123_unknown"])
    def test_without_a_live_key_are_refused(self, port: int, sent: str | None) -> None:
        with listen(port, sent) as heard:
            assert (heard.status, heard.response.headers["WWW-Authenticate"]) == (401, "Bearer")

    def test_may_send_the_key_as_openfeature_does(self, key: str, port: int) -> None:
        with listen(port, None, X_API_Key=key) as heard:
            assert heard.status == 200

    def test_may_be_named_by_a_ticket(self, key: str, port: int, settings: Any) -> None:
        settings.STREAM_URL = f"http://127.0.0.1:{port}{PATH}"
        address = stream_address(f"key:{key.split('_')[1]}", module="pm")
        assert address is not None
        with listen(port, None, address.partition("stream/")[2]) as heard:
            assert heard.event()["type"] == "refetchEvaluation"

    @pytest.mark.parametrize("ticket", ["", "key:0123", ticket_for("key:0123"), ticket_for("0123")])
    def test_with_a_forged_ticket_or_that_of_an_unknown_key_are_refused(self, port: int, ticket: str) -> None:
        with listen(port, None, f"?ticket={ticket}") as heard:
            assert heard.status == 401

    def test_are_sent_away_when_their_key_is_revoked(self, key: str, port: int) -> None:
        with listen(port, key, "?module=pm") as heard:
            heard.event()
            revoke_key(prefix=key.split("_")[1], by=None, at=datetime.now(UTC))
            assert heard.is_ended_within(SOON)

    def test_are_sent_away_when_their_key_expires(self, port: int) -> None:
        with listen(port, new_key("evaluate", expires_in=timedelta(seconds=2)), "?module=pm") as heard:
            assert heard.status == 200
            heard.event()
            assert heard.is_ended_within(SOON)

    @pytest.mark.parametrize(
        ("query", "word"),
        [("?module=xx", "module"), ("?form=x", "form"), ("?other=1", "known are"), ("?module=pm&module=dm", "once")],
    )
    def test_that_ask_for_something_else_are_told_what_there_is(
        self, key: str, port: int, query: str, word: str
    ) -> None:
        with listen(port, key, query) as heard:
            assert heard.status == 400
            assert word in json.loads(heard.response.read())["detail"]


class TestBound:
    def test_answers_503_beyond_it_and_takes_the_next_one_afterwards(self, key: str, port: int) -> None:
        open_ones = [Heard(port, key) for _ in range(3)]
        with listen(port, key) as refused:
            assert (refused.status, refused.response.headers["Retry-After"]) == (503, "10")
        assert listener_count(port) == 3
        for each in open_ones:
            each.close()
        wait_until(lambda: listener_count(port) == 0, "listeners that left to be forgotten", seconds=SOON)
        with listen(port, key) as taken:
            assert taken.status == 200

    def test_ends_a_listener_that_does_not_read(self, key: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(application, "SEND_SECONDS", 0.5)
        monkeypatch.setattr(listeners, "HEARTBEAT_SECONDS", 0.0)
        monkeypatch.setattr(listeners, "HEARTBEAT", b": " + b"x" * 8000 + b"\n\n")
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with closing(deaf):
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            wait_until(lambda: listener_count(port) == 1, "the listener to be taken", seconds=SOON)
            wait_until(lambda: listener_count(port) == 0, "the deaf listener to be cut off", seconds=4 * SOON)


class TestMetrics:
    def page(self, port: int, token: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
        with closing(connection):
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def test_count_listeners_and_refusals(self, key: str, port: int, settings: Any) -> None:
        settings.METRICS_TOKEN = "a token of operators"
        with listen(port, key), listen(port, "cw_") as refused:
            assert refused.status == 401
            status, text = self.page(port, settings.METRICS_TOKEN)

        assert status == 200
        for line in ("listeners 1.0", "most_listeners 3.0", 'refused_total{status="401"}', "cut_total"):
            assert f"counterweight_stream_{line}" in text

    def test_are_for_those_who_have_the_token(self, port: int, settings: Any) -> None:
        assert self.page(port, "")[0] == 404
        settings.METRICS_TOKEN = "a token of operators"
        assert self.page(port, "another")[0] == 401


def test_the_process_ends_its_streams_before_it_ends(key: str, quick: None) -> None:
    port = free_port()
    process = server("127.0.0.1", port)
    thread = threading.Thread(target=process.run)
    thread.start()
    wait_until(lambda: process.started, "the stream to start", seconds=30)
    with listen(port, key) as heard:
        process.should_exit = True
        assert heard.is_ended_within(SOON)
    thread.join(SOON)
    authentication.KEY_RING.close()

    assert not thread.is_alive()
