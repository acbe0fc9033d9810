"""Requests that are too long or too slow, against a process as deployed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from devkit import supervise
from devkit.processes import end, free_port, spawn
from prometheus_client.parser import text_string_to_metric_families

from config.gunicorn import SILENCE_SECONDS, threads, workers
from config.web_worker import LINGER_SECONDS
from tests.builders import wait_until

PATIENCE = 3.0 * SILENCE_SECONDS  # one process may have accepted all silent connections
AT_ONCE = 2 * LINGER_SECONDS  # for a few answers; less than waiting for silent or lingering clients takes
HEAD = b"Host: 127.0.0.1\r\nConnection: close\r\n"
TOKEN = "a token of the metrics"
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HEAD


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a web process, which needs no database for these requests."""
    port = free_port()
    log: Path = tmp_path_factory.mktemp("web") / "web.log"
    with log.open("wb") as output:
        web = spawn([*supervise.WEB, f"127.0.0.1:{port}"], os.environ | {"METRICS_TOKEN": TOKEN}, output)
    try:
        wait_until(lambda: _answers(port), f"the web process to answer; it wrote {log}", seconds=60)
        yield port
    finally:
        end(web)


def _answers(port: int) -> bool:
    try:
        return status(port, HEALTH + b"\r\n") == 200
    except OSError:
        return False


def connected(port: int, words: bytes) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    caller.sendall(words)
    return caller


def status(port: int, words: bytes) -> int:
    with connected(port, words) as caller:
        return int(caller.recv(4096).split()[1])


def drip(caller: socket.socket) -> None:
    """Send one byte, unless the process has answered already and hung up, as it may on a body that it does not want."""
    with suppress(BrokenPipeError, ConnectionResetError):
        caller.sendall(b"a")


class TestTooLong:
    @pytest.mark.parametrize("length", [9_000, 60_000])
    def test_an_address_is_answered_414(self, port: int, length: int) -> None:
        assert status(port, b"GET /" + b"a" * length + b" HTTP/1.1\r\n" + HEAD + b"\r\n") == 414

    def test_an_address_without_an_end_is_answered_414(self, port: int) -> None:
        assert status(port, b"GET /" + b"a" * 60_000) == 414

    @pytest.mark.parametrize("length", [9_000, 60_000])
    def test_a_header_is_answered_431(self, port: int, length: int) -> None:
        assert status(port, HEALTH + b"X-Long: " + b"a" * length + b"\r\n\r\n") == 431

    def test_a_list_of_headers_is_answered_431(self, port: int) -> None:
        assert status(port, HEALTH + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n") == 431


class TestSilence:
    """Silence in the middle of the headers, on as many connections as there are threads."""

    def test_does_not_keep_others_out_for_ever(self, port: int) -> None:
        silent = [connected(port, HEALTH + b"X-Slow: ") for _ in range(workers * threads)]

        answered = status(port, HEALTH + b"\r\n")

        assert answered == 200
        for caller in silent:
            caller.close()


class TestKeptOpen:
    """Clients that do not hang up after their answer, fewer than the threads of one process."""

    def test_does_not_keep_the_next_one_waiting(self, port: int) -> None:
        deadline = time.monotonic() + AT_ONCE
        with ExitStack() as stack:
            for _ in range(threads - 4):
                caller = stack.enter_context(connected(port, HEALTH + b"\r\n"))
                caller.settimeout(deadline - time.monotonic())
                assert caller.recv(4096).split()[1] == b"200"


class TestDripping:
    """A byte now and then, which no limit on silence ends, by as many as once stopped everything."""

    DRIPPING = 8

    @pytest.mark.parametrize(
        "words",
        [
            HEALTH + b"X-Slow: ",
            b"POST /admin/login/ HTTP/1.1\r\n" + HEAD + b"Content-Length: 5000\r\n\r\n",
        ],
        ids=["headers", "a body"],
    )
    def test_leaves_every_other_client_an_answer(self, port: int, words: bytes) -> None:
        with ExitStack() as stack:
            slow = [stack.enter_context(connected(port, words)) for _ in range(self.DRIPPING)]
            deadline = time.monotonic() + AT_ONCE
            for _ in range(10):
                for caller in slow:
                    drip(caller)
                with connected(port, HEALTH + b"\r\n") as other:
                    other.settimeout(deadline - time.monotonic())
                    assert other.recv(4096).split()[1] == b"200"


def test_metrics_add_up_what_all_processes_counted(port: int) -> None:
    """Whichever process answers, the number is that of both, and each live process has gauges of its own."""
    before, _ = counted(port)

    for _ in range(40):
        assert status(port, HEALTH + b"\r\n") == 200

    def is_complete() -> bool:
        return counted(port)[0] >= before + 40

    wait_until(is_complete, "both processes to publish what they counted", seconds=10)
    assert len(counted(port)[1]) == workers


def counted(port: int) -> tuple[float, set[str]]:
    """Return how many answers of /healthz are counted, and the processes that say how many decisions wait."""
    with urlopen(Request(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})) as answer:
        text = answer.read().decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    of_health = [
        each.value
        for each in samples
        if each.name == "counterweight_http_request_seconds_count" and each.labels["route"] == "healthz"
    ]
    waiting = {each.labels["pid"] for each in samples if each.name == "counterweight_decisions_waiting"}
    return sum(of_health), waiting
