"""Whatever the server, the disk or the clock does, a local client serves what it can prove, or says why it does not."""

from __future__ import annotations

import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from overrides.client import Answer, LocalClient, follower, reports
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.levers import levers_of
from tests.builders import KEY, NOW, make_spec, wait_until
from tests.overrides.client.snapshot_server import SnapshotServer, send, snapshot_server
from tests.overrides.client.snapshots import KEY_OF_BOT, State

SCOPE = {"macro_phase": "Good", "bucket": "micro"}
QUESTION = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE, "at": NOW}
NEUTRAL = {lever.name: lever.neutral for lever in levers_of("pm", "entry")}
RAISED = pytest.approx(1.02)  # one step of 2 % towards the size in force

Make = Callable[..., LocalClient]


@pytest.fixture
def server() -> Iterator[SnapshotServer]:
    with snapshot_server() as served:
        yield served


@pytest.fixture
def make(server: SnapshotServer) -> Iterator[Make]:
    made: list[LocalClient] = []

    def client(**options: Any) -> LocalClient:
        made.append(
            LocalClient(
                options.pop("url", server.url),
                KEY_OF_BOT,
                **{"stream": False, "poll_seconds": 0.02, "timeout": 30.0, **options},
            )
        )
        return made[-1]

    yield client
    for each in made:
        each.close(1.0)


def size(client: LocalClient) -> float:
    return client.resolve(QUESTION).lever("size_mult")


class TestAnswers:
    def test_are_given_here_and_name_a_decision_that_is_reported(self, server: SnapshotServer, make: Make) -> None:
        client = make(name="bot 7")

        answer = client.resolve(QUESTION)

        assert answer.lever("size_mult") == RAISED
        assert (answer.reason, answer.fault) == ("SINGLE", "")
        assert client.counters["local"] == 1
        assert server.resolved == 0
        wait_until(lambda: len(server.reported) == 1, "the report arrives")
        assert server.reported[0]["decision_id"] == answer.decision_id
        assert server.polls[0].startswith("/api/v1/snapshot/?module=pm&client=bot%207")

    def test_are_asked_of_the_server_where_the_question_is_not_plain(self, server: SnapshotServer, make: Make) -> None:
        client = make()

        found = client.resolve([QUESTION, QUESTION | {"scope": {"bucket": ["micro"]}}, QUESTION | {"more": 1}])

        assert [each.decision_id == "far" for each in found] == [False, True, True]
        assert client.counters["remote: question"] == 2

    def test_are_asked_of_the_server_where_it_wants_to_be_asked(self, server: SnapshotServer, make: Make) -> None:
        server.state = State(remote="holdback")
        client = make()

        assert client.resolve(QUESTION).decision_id == "far"
        assert client.states()["pm"].remote == "holdback"
        server.state = server.state.but(revision=2, remote=None)
        wait_until(lambda: client.resolve(QUESTION).decision_id != "far", "the client answers here again")

    def test_go_by_what_the_server_says_to_clients_that_know_salts(self, server: SnapshotServer, make: Make) -> None:
        server.state = State(remote="a salt", header={"ask_server": None, "rollout_salt": "5f2c"})
        client = make()

        assert client.resolve(QUESTION).decision_id != "far"
        server.state = server.state.but(
            revision=2, remote=None, header={"ask_server": "a holdback", "rollout_salt": ""}
        )
        wait_until(lambda: client.states()["pm"].remote == "a holdback", "the client asks the server")
        assert client.resolve(QUESTION).decision_id == "far"

    def test_are_asked_of_the_server_where_this_machine_computes_otherwise(
        self, server: SnapshotServer, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        def otherwise(document: dict[str, Any]) -> None:
            document["cases"][0]["answer"]["served"]["levers"]["size_mult"] += 1e-9

        server.state = State(alter=otherwise)
        client = make()

        assert client.resolve(QUESTION).decision_id == "far"
        assert "computes otherwise: question 0: levers is" in str(client.states()["pm"].remote)
        assert "pm is evaluated by the server: this machine computes otherwise" in caplog.text
        server.state = server.state.but(revision=2, mode="off")  # the header alone does not make it right
        wait_until(lambda: client.states()["pm"].mode_revision == 2, "the mode is taken up")
        assert client.resolve(QUESTION).decision_id == "far"

    @pytest.mark.parametrize("header", [{"engine_format": CURRENT_FORMAT - 1}, {"engine_format": CURRENT_FORMAT + 1}])
    def test_are_asked_of_a_server_with_another_engine(
        self, server: SnapshotServer, make: Make, header: dict[str, Any]
    ) -> None:
        server.state = State(header=header)

        assert make().resolve(QUESTION).decision_id == "far"

    def test_are_the_same_from_a_hundred_threads(self, server: SnapshotServer, make: Make) -> None:
        client = make()
        found: list[Answer] = []

        def ask() -> None:
            found.extend(client.resolve(QUESTION) for _ in range(20))

        threads = [threading.Thread(target=ask) for _ in range(100)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert {each.lever("size_mult") for each in found} == {found[0].lever("size_mult")}
        assert len({each.decision_id for each in found}) == 2000
        assert client.counters["local"] == 2000
        wait_until(lambda: client.counters.get("decisions sent") == 2000, "every report is counted as sent")
        assert len(server.reported) == 2000


class TestFollowing:
    def test_takes_up_a_mode_without_the_body(self, server: SnapshotServer, make: Make) -> None:
        client = make()
        assert size(client) == RAISED

        server.state = server.state.but(mode="off", revision=2)

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the client is off", 2.0)
        assert client.states()["pm"].mode_revision == 2

    def test_never_goes_back_while_its_state_is_fresh(self, server: SnapshotServer, make: Make) -> None:
        server.state = State(mode="off", revision=3, version=2)
        client = make()
        assert client.resolve(QUESTION).reason == "MODULE_OFF"

        server.state = State(mode="on", revision=2, version=3)  # a process that lags behind in the mode

        wait_until(lambda: client.counters.get("snapshot older", 0) > 2, "the older state is refused")
        assert client.resolve(QUESTION).reason == "MODULE_OFF"

    def test_goes_back_where_the_server_has_read_an_earlier_state_since(
        self, server: SnapshotServer, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("overrides.client.follower.LAG_SECONDS", 0.1)
        server.state = State(mode="on", revision=3, version=2)
        client = make()
        assert client.resolve(QUESTION).reason == "SINGLE"

        server.state = State(mode="off", revision=1)  # of a database that was restored, and then switched off

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the restored state is followed", 2.0)

    def test_takes_another_state_of_the_tag_that_it_holds(
        self, server: SnapshotServer, make: Make, tmp_path: Path
    ) -> None:
        """As where a directory is kept while the address becomes that of another server."""
        with make(directory=tmp_path):
            pass
        server.state = server.state.but(mode="off")

        client = make(directory=tmp_path)

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the server's own state is followed", 2.0)
        assert client.counters["snapshot of another server"] == 1

    @pytest.mark.parametrize("fault", ["html", "500", "cut off", "other module", "other bytes", "bomb"])
    def test_keeps_the_last_good_state_whatever_is_answered(
        self, server: SnapshotServer, make: Make, fault: str
    ) -> None:
        client = make()
        assert size(client) == RAISED
        good = State(mode="off", revision=2).content()
        answers = {
            "html": (200, b"<html>"),
            "500": (500, b"<html>"),
            "cut off": (200, good[:-1]),
            "other module": (200, State(module="dm", specs=(), version=9).content()),
            "other bytes": (200, good[:-20] + b"\0" * 20),
            "bomb": (200, b"CWSNAP\0\1" + b"\xff" * 8 + b"\0" * 100),
        }
        server.instead = lambda handler: send(handler, *answers[fault])

        polls = len(server.polls)
        wait_until(lambda: len(server.polls) > polls + 2, "the client goes on polling")
        confirmed = client.counters.get("snapshot confirmed", 0)
        wait_until(lambda: len(server.polls) > polls + 5, "the client goes on polling")

        assert size(client) == RAISED
        assert client.states()["pm"].mode_revision == 1
        assert client.counters.get("snapshot confirmed", 0) == confirmed
        server.instead = None
        server.state = State(mode="off", revision=2)
        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the client follows again")

    def test_a_server_that_drips_does_not_hold_it_for_ever(
        self, server: SnapshotServer, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(follower, "DOWNLOAD_SECONDS", 0.3)

        def drip(handler: BaseHTTPRequestHandler) -> None:
            with suppress(OSError):
                while True:
                    handler.wfile.write(b"H")
                    handler.wfile.flush()
                    time.sleep(0.05)

        client = make()
        assert size(client) == RAISED
        server.instead = drip

        wait_until(lambda: client.counters.get("snapshot timeout", 0) > 1, "polls end", 5.0)
        assert size(client) == RAISED

    def test_is_neutral_and_says_so_once_the_state_is_too_old(self, server: SnapshotServer, make: Make) -> None:
        client = make(max_stale_seconds=0.3)
        assert size(client) == RAISED

        server.is_away = True

        wait_until(lambda: client.resolve(QUESTION).reason == "STALE", "the answer is neutral", 3.0)
        found = client.resolve(QUESTION)
        assert dict(found.levers) == NEUTRAL
        assert found.document["flags"] == ["STALE_VERSION"]
        server.is_away = False
        wait_until(lambda: size(client) == RAISED, "the client serves again")

    def test_counts_the_age_of_the_server_too(self, server: SnapshotServer, make: Make) -> None:
        server.age = 7

        found = make().resolve(QUESTION)

        assert found.document["flags"][-1] == "STALE_VERSION"
        server.age = 400
        assert make().resolve(QUESTION).reason == "STALE"

    @pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
    def test_its_age_does_not_follow_a_clock_that_jumps(
        self, server: SnapshotServer, make: Make, monkeypatch: pytest.MonkeyPatch, jump: float
    ) -> None:
        client = make()
        assert size(client) == RAISED
        real = time.time

        monkeypatch.setattr(time, "time", lambda: real() + jump)

        assert size(client) == RAISED
        assert client.states()["pm"].age_seconds < 5

    def test_a_child_that_is_forked_while_polling_follows_by_itself(self, server: SnapshotServer, make: Make) -> None:
        client = make(name="forked")
        assert size(client) == RAISED
        read, write = os.pipe()

        child = os.fork()
        if child == 0:
            try:
                server_state = "no"
                until = time.monotonic() + 10
                while time.monotonic() < until:
                    if client.resolve(QUESTION).reason == "MODULE_OFF":
                        server_state = "off"
                        break
                    time.sleep(0.01)
                client.close(5.0)
                os.write(write, f"{server_state} {client.counters.get('decisions sent', 0) > 0}".encode())
            finally:
                os._exit(0)
        server.state = server.state.but(mode="off", revision=2)
        os.waitpid(child, 0)

        assert os.read(read, 100) == b"off True"
        os.close(read)
        os.close(write)


class TestSavedSnapshot:
    def saved(self, make: Make, directory: Path) -> LocalClient:
        client = make(directory=directory)
        assert size(client) == RAISED
        client.close()
        return client

    def alone(self, make: Make, directory: Path, **options: Any) -> LocalClient:
        return make(directory=directory, url="http://127.0.0.1:9", timeout=0.5, **options)

    def test_serves_a_restarted_bot_while_the_server_is_away(self, make: Make, tmp_path: Path) -> None:
        self.saved(make, tmp_path)

        client = self.alone(make, tmp_path)

        assert size(client) == RAISED
        assert 0 <= client.states()["pm"].age_seconds < 60
        assert sorted(path.name for path in tmp_path.iterdir()) == ["pm.confirmed.json", "pm.snapshot"]

    @pytest.mark.parametrize("fault", ["tampered", "cut off", "another module's", "empty"])
    def test_is_not_taken_up_if_it_is_not_whole(self, make: Make, tmp_path: Path, fault: str) -> None:
        self.saved(make, tmp_path)
        path = tmp_path / "pm.snapshot"
        content = bytearray(path.read_bytes())
        if fault == "tampered":
            content[-40] ^= 1
        elif fault == "cut off":
            del content[-100:]
        elif fault == "empty":
            content.clear()
        else:
            content = bytearray(State(module="dm", specs=()).content())
        path.write_bytes(content)

        client = self.alone(make, tmp_path)
        found = client.resolve(QUESTION)

        assert (found.reason, dict(found.levers)) == ("ERROR", NEUTRAL)
        assert client.counters["saved snapshot refused"] == 1

    @pytest.mark.parametrize(
        ("tag", "age"), [(State().tag, 3600.0), (State().tag, -3600.0), ('"pm-2-1-4"', 0.0), (None, math.nan)]
    )
    def test_is_not_served_unless_it_was_confirmed_lately(
        self, make: Make, tmp_path: Path, tag: str | None, age: float
    ) -> None:
        self.saved(make, tmp_path)
        note = {"tag": tag, "confirmed_at": time.time() - age}
        (tmp_path / "pm.confirmed.json").write_text(json.dumps(note))

        found = self.alone(make, tmp_path).resolve(QUESTION)

        assert (found.reason, dict(found.levers)) == ("STALE", NEUTRAL)

    def test_a_directory_that_cannot_be_written_costs_nothing_else(self, make: Make, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        client = make(directory=tmp_path / "file")

        assert size(client) == RAISED
        assert client.counters["snapshot not saved"] > 0


@pytest.mark.parametrize("modules", ["pm", ("xx",), ["pm", "xx"]])
def test_a_module_that_does_not_exist_is_refused_when_the_client_is_made(make: Make, modules: Any) -> None:
    with pytest.raises(ValueError, match="pm and dm"):
        make(modules=modules)


class TestStream:
    def test_brings_a_change_at_once(self, server: SnapshotServer, make: Make) -> None:
        changed = threading.Event()

        def stream(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "text/event-stream")
            handler.end_headers()
            with suppress(OSError):
                handler.wfile.write(b": hello\n\n")
                changed.wait(10)
                data = json.dumps({"module": "pm", "etag": server.state.tag}).encode()
                handler.wfile.write(b"event: changed\ndata: " + data + b"\n\n")
                time.sleep(5)

        server.stream = stream
        client = make(stream=True, poll_seconds=2.0)
        assert size(client) == RAISED
        time.sleep(0.3)

        server.state = server.state.but(mode="off", revision=2)
        begin = time.monotonic()
        changed.set()

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the client is off", 5.0)
        assert time.monotonic() - begin < 1.0
        assert client.counters["stream changed"] == 1

    def test_is_asked_for_again_soon_while_the_process_that_answers_lags(
        self, server: SnapshotServer, make: Make
    ) -> None:
        changed = threading.Event()
        after = server.state.but(mode="off", revision=2)

        def stream(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "text/event-stream")
            handler.end_headers()
            with suppress(OSError):
                changed.wait(10)
                handler.wfile.write(b"data: " + json.dumps({"etag": after.tag}).encode() + b"\n\n")
                time.sleep(5)

        server.stream = stream
        client = make(stream=True, poll_seconds=2.0)
        assert size(client) == RAISED
        time.sleep(0.3)

        begin, polls = time.monotonic(), len(server.polls)
        changed.set()
        wait_until(lambda: len(server.polls) > polls, "the client asks, and hears of nothing new")
        server.state = after

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the client is off", 5.0)
        assert time.monotonic() - begin < 1.4

    def test_is_believed_for_a_few_polls_alone(self, server: SnapshotServer, make: Make) -> None:
        def stream(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            with suppress(OSError):
                handler.wfile.write(b'data: {"etag": "of a state that never comes"}\n\n')
                time.sleep(5)

        server.stream = stream
        client = make(stream=True, poll_seconds=2.0)
        assert size(client) == RAISED
        wait_until(lambda: len(server.polls) >= follower.MOST_HURRIED, "the client hurries")
        time.sleep(1.0)

        assert len(server.polls) <= follower.MOST_HURRIED + 3

    @pytest.mark.parametrize("path", ["", "/", "/api/v1/stream/", "/api/v1/stream"])
    def test_is_found_at_its_whole_address_as_at_that_of_its_process(
        self, server: SnapshotServer, make: Make, path: str
    ) -> None:
        asked: list[str] = []

        def stream(handler: BaseHTTPRequestHandler) -> None:
            asked.append(handler.path)
            send(handler, 503, b"{}")

        server.stream = stream
        make(url=server.url, stream=True, stream_url=server.url + path).start()

        wait_until(lambda: asked == ["/api/v1/stream/?module=pm"], "the stream is asked for")

    @pytest.mark.parametrize("status", [503, 404, 200])
    def test_is_done_without_where_it_is_not_to_be_had(self, server: SnapshotServer, make: Make, status: int) -> None:
        server.stream = lambda handler: send(handler, status, b"<html>", **{"Retry-After": "7"})
        client = make(stream=True)
        assert size(client) == RAISED

        server.state = server.state.but(mode="off", revision=2)

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "polling goes on", 2.0)


class TestReports:
    def test_of_a_busy_bot_are_gathered_for_a_second(
        self, server: SnapshotServer, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reports, "SECONDS", 0.5)
        batches: list[int] = []

        def report(sent: list[Any]) -> Any:
            batches.append(len(sent))
            return {"results": [{"status": "new"} for _ in sent]}

        server.report = report
        client = make()
        for _ in range(200):
            client.resolve(QUESTION)
            time.sleep(0.005)
        wait_until(lambda: client.waiting_reports == 0, "all are reported")

        assert sum(batches) == 200
        assert len(batches) < 20  # one each half second, on a busy machine

    def test_wait_in_bounded_memory_while_the_server_is_away(
        self, server: SnapshotServer, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reports, "SECONDS", 0.05)
        server.report = lambda sent: 503
        client = make(most_reports=50)

        client.resolve([QUESTION] * 80)

        assert client.waiting_reports == 50
        assert client.counters["decisions dropped"] == 30
        server.report = lambda sent: {"results": [{"status": "new"} for _ in sent]}
        wait_until(lambda: client.waiting_reports == 0, "they are sent")
        assert client.counters["decisions sent"] == 50

    def test_that_are_refused_are_counted_and_not_sent_again(self, server: SnapshotServer, make: Make) -> None:
        server.report = lambda sent: {"results": [{"status": "refused", "errors": []} for _ in sent]}
        client = make()

        client.resolve([QUESTION] * 3)

        wait_until(lambda: client.counters.get("decisions refused") == 3, "they are refused")
        assert client.waiting_reports == 0

    def test_are_flushed_within_the_time_that_closing_may_take(self, server: SnapshotServer, make: Make) -> None:
        client = make()
        client.resolve([QUESTION] * 3)
        client.close(5.0)
        assert len(server.reported) == 3

        def slow(sent: list[Any]) -> Any:
            time.sleep(3)
            return 503

        server.report = slow
        other = make()
        other.resolve([QUESTION] * 3)
        begin = time.monotonic()
        other.close(0.5)
        assert time.monotonic() - begin < 1.5
        assert other.counters["decisions dropped"] == 3
        assert other.resolve(QUESTION).decision_id == "far"  # a closed client asks

    def test_begin_anew_in_a_child(self, server: SnapshotServer, make: Make) -> None:
        server.report = lambda sent: 503
        client = make()
        client.resolve([QUESTION] * 3)

        client.after_fork()

        assert client.waiting_reports == 0  # the parent sends them
        assert client.counters == {}

    @pytest.mark.parametrize("name", [None, "bot"])
    def test_bear_a_name_of_their_own_in_a_child(self, server: SnapshotServer, make: Make, name: str | None) -> None:
        client = make(name=name)
        before = client.name
        assert size(client) == RAISED

        client.after_fork()
        server.polls.clear()
        assert size(client) == RAISED

        assert client.name == f"{name or socket.gethostname()}:{os.getpid()}"
        assert (client.name == before) is (name is None)  # this is no child, so its number is the parent's
        wait_until(lambda: quote(client.name, safe="") in server.polls[-1], "the poll names the child")


def test_one_object_of_many_overrides_takes_its_own_answer() -> None:
    specs = tuple(
        make_spec({"size_mult": 1 + number / 1000}, scope={"bucket": f"b{number}"}) for number in range(1, 40)
    )
    with snapshot_server(State(specs=specs)) as server, LocalClient(server.url, KEY_OF_BOT, stream=False) as client:
        for number in (1, 9, 39):
            found = client.resolve(QUESTION | {"scope": {"bucket": f"b{number}"}})

            assert found.lever("size_mult") == pytest.approx(min(1 + number / 1000, 1.02))
