"""Levers over HTTP: the CPU of one resolve and of a listed answer, against an empty DRF view behind an API key.

    ./dev bench serve [OVERRIDES] [ROUNDS] [CALLS]

The version has 10,000 overrides, 500 of them under the key of the question, ten of which match and contribute. *wsgi*:
the request is handed to the application in this process, and all threads are counted, so that the decisions are written
within the figure. *loopback*: the same through gunicorn as deployed, one client that keeps its connection; CPU is that
of all server processes by `/proc`; CALLS is the number of answers measured in each round, 0 for none. All take turns;
figures are medians of rounds.
"""

from __future__ import annotations

import gc
import http.client
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import median
from time import process_time, sleep
from typing import Any, cast

from devkit import supervise
from devkit.environment import PYTHON
from devkit.processes import end, free_port, spawn
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection

from config.access.api.authentication import KEY_RING
from config.access.keys import issue_key
from config.gunicorn import settle_memory
from config.short_handler import ShortHandler
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.serving.decisions.decision_queue import QUEUE
from overrides.serving.engine import ENGINE_ROOM
from telemetry.audit.simulated_time import time_simulated
from telemetry.foundation.core.canonical_json import utc_text
from tests.bench.publish import fill
from tests.bench.report import figure, scratch_database
from tests.bench.serve_reference import PATH as EMPTY
from tests.bench.serve_reference import reference
from tests.builders import NOW, make_spec, publish, set_mode, wait_until
from tests.people import keeper

OVERRIDES, ROUNDS = 10_000, 7
HOT, MATCHING, LISTED = 500, 10, 100
KEY = "bench.long.hot"
ASKED = {"macro_phase": "Good", "bucket": "micro", "timeframe": "4h", "meso_phase": "Up", "A_mode": "calm"}
RESOLVE = "/api/v1/levers/resolve/"
BARS = {"single": 2.0, "single none": 2.0, "list": 0.5, "list none": 0.5}
WARMING = 20  # calls of each case before any is measured
SECONDS = 0.4  # of CPU per measurement in this process
TICKS = os.sysconf("SC_CLK_TCK")

Ask = Callable[[], object]


def overrides(total: int) -> Iterator[OverrideSpec]:
    """Yield overrides of lines of their own: those that match, those under the same key, and the others."""
    pairs = list(combinations(ASKED, 2))
    for number in range(MATCHING):
        yield placed(KEY, {name: ASKED[name] for name in pairs[number]}, number)
    for number in range(MATCHING, min(HOT, total)):
        names = pairs[number % len(pairs)]
        yield placed(KEY, {names[0]: ASKED[names[0]], names[1]: f"other{number}"}, number)
    for number in range(HOT, total):
        yield placed(f"bench.long.p{number // 400}", {"bucket": f"b{number % 400}"}, number)


def placed(key: str, scope: Mapping[str, str], number: int) -> OverrideSpec:
    return make_spec({"size_mult": 1.02 + number % 7 / 100}, pattern_key=key, scope=dict(scope))


def question() -> dict[str, Any]:
    return {
        "module": "pm",
        "pattern_key": KEY,
        "action_category": "entry",
        "scope": ASKED,
        "at": utc_text(NOW),
        "current": {"size_mult": 1.0},
        "rollout_key": "BTC/USDT",
    }


def requests() -> dict[str, tuple[str, bytes, int]]:
    """Return address, body and number of answers of each case; the reference comes first."""
    one, many = (json.dumps(each).encode() for each in (question(), [question()] * LISTED))
    return {
        "reference": (EMPTY, one, 1),
        "single": (RESOLVE, one, 1),
        "single none": (f"{RESOLVE}?explain=none", one, 1),
        "list": (RESOLVE, many, LISTED),
        "list none": (f"{RESOLVE}?explain=none", many, LISTED),
    }


# --- in this process ------------------------------------------------------------------------------------


def called(application: WSGIHandler, address: str, body: bytes, key: str) -> bytes:
    """Return the body that answers a request, as a WSGI server asks for it."""
    path, _, query = address.partition("?")
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000", "HTTP_USER_AGENT": "bench", "HTTP_ACCEPT": "*/*",
        "HTTP_AUTHORIZATION": f"Bearer {key}", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
    }  # fmt: skip
    status: list[str] = []
    response = application(environ, cast(Any, lambda line, *_: status.append(line)))
    answer = b"".join(response)
    getattr(response, "close", bool)()  # as servers do where there is something to close
    assert status == ["200 OK"], (status, answer[:500])
    return answer


def in_process(key: str, rounds: int, of: Mapping[str, object]) -> None:
    product, empty = ShortHandler(), reference()
    asks = {
        name: partial(called, empty if address == EMPTY else product, address, body, key)
        for name, (address, body, _) in requests().items()
    }
    checked({name: asks[name]() for name in asks})
    thresholds = gc.get_threshold()
    settle_memory()  # as the web processes do
    taken: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(rounds):
        for name, ask in asks.items():
            taken[name].append(cpu_of(ask) / requests()[name][2])
    report("wsgi", taken, of)
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def cpu_of(ask: Ask) -> float:
    """Return the CPU seconds of one call in all threads, with what it leaves for the log written at the end."""
    calls, start = 0, process_time()
    while process_time() - start < SECONDS:
        ask()
        calls += 1
    QUEUE.flush()
    return (process_time() - start) / calls


def checked(answers: Mapping[str, object]) -> None:
    """Refuse to measure answers that are not those of the question."""
    for name, body in answers.items():
        if name != "reference":
            assert isinstance(body, bytes)
            found = json.loads(body)
            first = found[0] if isinstance(found, list) else found
            assert first["reason"] == "COMBINED", (name, first)
            assert "none" in name or len(first["contributions"]) == MATCHING, (name, first)


def report(way: str, taken: Mapping[str, list[float]], of: Mapping[str, object]) -> None:
    base = median(taken["reference"])
    figure("serve", f"{way} reference", base * 1e6, "µs", **of)
    for name, bar in BARS.items():
        each = median(taken[name])
        figure("serve", f"{way} {name}", each * 1e6, "µs an answer", **of)
        figure("serve", f"{way} {name} ratio", each / base, "x", against="empty view", **of, bar=bar)


# --- through gunicorn ----------------------------------------------------------------------------------


@contextmanager
def served(application: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Run gunicorn on the scratch database; return its port and the process group of its processes."""
    port = free_port()
    settings = connection.settings_dict
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
    command = [PYTHON if each == PYTHON else str(each) for each in supervise.WEB]
    command = [application if each == "config.wsgi" else each for each in command]
    log = folder / f"{application}.log"
    with log.open("wb") as output:
        web = spawn(
            [*command, f"127.0.0.1:{port}"], os.environ | {"DATABASE_URL": url, "DATABASE_OWNER_URL": url}, output
        )
        try:
            wait_until(lambda: answers(port), f"gunicorn; it wrote {log.read_text()[-2000:]}", seconds=60)
            yield port, web.pid
        finally:
            end(web)


def answers(port: int) -> bool:
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).request("GET", "/")
    except OSError:
        return False
    return True


def cpu_of_group(group: int) -> float:
    """Return the CPU seconds of all processes of a group so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


class Caller:
    """One client that keeps its connection."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, address: str, body: bytes) -> bytes:
        self._connection.request("POST", address, body, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status == 200, (response.status, answer[:500])
        return answer


def over_loopback(key: str, rounds: int, calls: int, of: Mapping[str, object]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            served("config.wsgi", folder) as product,
            served("tests.bench.serve_reference_wsgi", folder) as empty,
        ):
            taken: dict[str, list[float]] = {name: [] for name in requests()}
            for _ in range(WARMING):  # each process loads what it needs with its first requests
                for address, body, _ in requests().values():
                    Caller((empty if address == EMPTY else product)[0], key).post(address, body)
            for _ in range(rounds):
                for case, (address, body, number) in requests().items():
                    port, group = empty if address == EMPTY else product
                    count = max(1, calls // number)
                    caller, start = Caller(port, key), cpu_of_group(group)
                    for _ in range(count):
                        caller.post(address, body)
                    sleep(1.2)  # the decisions of the last second are written
                    taken[case].append((cpu_of_group(group) - start) / (count * number))
    report("loopback", taken, {**of, "clients": 1})


def run(total: int = OVERRIDES, rounds: int = ROUNDS, calls: int = 3_000) -> None:
    everything = list(overrides(total))
    fill(everything)
    publish(placed(KEY, everything[0].scope, 3))  # a version whose hash is of all of them
    set_mode("on")
    now = datetime.now(UTC)
    _, key = issue_key(name="bench", role="evaluate", owner=keeper(), by=None, at=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    ENGINE_ROOM.refresh()
    KEY_RING.forget()
    of = {"overrides": total, "contributions": MATCHING}
    in_process(key, rounds, of)
    if calls:
        over_loopback(key, max(1, rounds // 2), calls, of)
    for each in (QUEUE, ENGINE_ROOM, KEY_RING):
        each.close()


if __name__ == "__main__":
    with scratch_database(), time_simulated("the bench publishes at an instant of its own"):
        run(*map(int, sys.argv[1:]))
