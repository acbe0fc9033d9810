"""One and two processes of a kind on one PostgreSQL: resolves a second, and the wall time of twins and aggregation.

    ./dev bench two_by_two --seconds 4 --rounds 3 --rows 20000

Web: gunicorn as deployed with one and with two processes, asked by one client process with eight connections; both
servers stand, and take turns. Workers: the same messages taken by one and by two workers as deployed, over a real
broker. `cores` says how many this machine has; clients, servers and PostgreSQL share them, so that twice the processes
cannot do twice the work here. A ratio says how much of the second process is left after that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import redis
from devkit import supervise
from devkit.processes import end, free_port, spawn
from django.conf import settings
from django.db import connection

from config.access.keys import issue_key
from config.celery import FACTS, LONG, app
from learning.models import NoiseTwin
from learning.readers.group_columns import PatternGroup
from learning.validation.noise_twin_runs import request_twins
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import DirtyGroup
from tests.bench.build_evidence import write
from tests.bench.build_plan import one_group
from tests.bench.report import figure, scratch_database
from tests.builders import KEY, SCOPE, make_spec, publish, set_mode, wait_until
from tests.people import keeper

BENCH = "two_by_two"
CORES = os.cpu_count() or 1
TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 8
GROUPS, TWINS = 8, 8
CLIENT = """
import http.client, json, sys, threading, time
port, key, seconds, connections, body = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
until, counts = time.monotonic() + seconds, []
def ask():
    line, done = http.client.HTTPConnection("127.0.0.1", port, timeout=10), 0
    headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
    while time.monotonic() < until:
        line.request("POST", "/api/v1/levers/resolve/", body, headers)
        reply = line.getresponse()
        reply.read()
        assert reply.status == 200, reply.status
        done += 1
    counts.append(done)
threads = [threading.Thread(target=ask) for _ in range(connections)]
[each.start() for each in threads]; [each.join() for each in threads]
assert len(counts) == connections
print(sum(counts))
"""


def environment() -> dict[str, str]:
    """Return the variables of a process that uses the scratch database."""
    login = connection.settings_dict
    host = f"{login['USER']}:{login['PASSWORD']}@{login['HOST']}:{login['PORT']}"
    return os.environ | {"DATABASE_URL": f"postgres://{host}/{login['NAME']}"}


# --- web --------------------------------------------------------------------------------------------


def web(seconds: float, rounds: int, home: Path) -> None:
    """Measure resolves a second, and the CPU of the server for each, with one and two processes."""
    at = datetime.now(UTC)
    publish(make_spec(stats={"updated_at": utc_text(at)}), at=at)
    set_mode("on", at=at)
    key = issue_key(name="bench", role="record", owner=keeper(), by=None, at=at)[1]
    found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    with ExitStack() as stack:
        servers = {processes: stack.enter_context(_server(processes, home)) for processes in found}
        for server in servers.values():
            _ask(server[0], key, 1.0)  # every thread and connection is there before anything is measured
        for _ in range(rounds):
            for processes, (port, pid) in servers.items():
                before = _cpu(pid)
                count = _ask(port, key, seconds)
                found[processes].append((count / seconds, (_cpu(pid) - before) / count))
    speeds = {processes: median(speed for speed, _ in each) for processes, each in found.items()}
    for processes, each in found.items():
        context = {"processes": processes, "cores": CORES, "connections": CONNECTIONS}
        figure(BENCH, "resolves a second", speeds[processes], "1/s", **context)
        figure(BENCH, "CPU of the server for one", median(cpu for _, cpu in each) * 1e6, "µs", **context)
    figure(BENCH, "resolves, two processes against one", speeds[2] / speeds[1], "x", cores=CORES)


@contextmanager
def _server(processes: int, home: Path) -> Iterator[tuple[int, int]]:
    """Run gunicorn; yield its port and process."""
    port = free_port()
    with (home / f"web{processes}").open("wb") as output:
        command = [*supervise.WEB, f"127.0.0.1:{port}", "--workers", str(processes)]
        server = spawn(command, environment(), output)
    try:
        wait_until(lambda: supervise.answers(port), "the web processes to answer", seconds=60)
        yield port, server.pid
    finally:
        end(server)


def _ask(port: int, key: str, seconds: float) -> int:
    question = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
    arguments = [str(port), key, str(seconds), str(CONNECTIONS), json.dumps(question)]
    return int(subprocess.run([sys.executable, "-c", CLIENT, *arguments], capture_output=True, check=True).stdout)


def _cpu(parent: int) -> float:
    """Return the CPU seconds of a process and its children so far."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended meanwhile
        if parent in (int(fields[1]), int(status.parent.name)):
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


# --- workers ----------------------------------------------------------------------------------------


def workers(rows: int, rounds: int, home: Path) -> None:
    """Measure the wall time of twins and of aggregation with one and two workers."""
    groups = [PatternGroup("pm", f"bench.group.signal{number}", "entry") for number in range(GROUPS)]
    write([(each.pattern_key, *row[1:]) for each in groups for row in one_group(rows, 0)])
    seeds = iter(range(1, 10_000))
    taken: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for count in (1, 2):
            with _workers(FACTS, count, home):
                taken.setdefault(("aggregation", count), []).append(_aggregated(groups))
            with _workers(LONG, count, home):
                taken.setdefault(("twins", count), []).append(_twins([next(seeds) for _ in range(TWINS)]))
    middle = {case: median(each) for case, each in taken.items()}
    for (name, count), seconds in middle.items():
        context = {"workers": count, "cores": CORES, "rows": rows, "groups": GROUPS}
        figure(BENCH, f"{name}, wall", seconds, "s", **context)
    for name in ("aggregation", "twins"):
        figure(BENCH, f"{name}, two workers against one", middle[name, 1] / middle[name, 2], "x", cores=CORES)


@contextmanager
def _workers(queue: str, count: int, home: Path) -> Iterator[None]:
    """Run workers of one queue, which is empty at first."""
    with redis.Redis.from_url(settings.REDIS_URL) as client, ExitStack() as stack:
        client.delete(queue)
        logs = [home / f"{queue}{number}" for number in range(count)]
        for log in logs:
            with log.open("wb") as output:
                named = [*supervise.WORKERS[queue], "-n", f"{log.name}@%h"]
                stack.callback(end, spawn(named, environment(), output))
        wait_until(lambda: all(b" ready." in log.read_bytes() for log in logs), "the workers to be ready", seconds=60)
        yield


def _aggregated(groups: list[PatternGroup]) -> float:
    for each in groups:
        DirtyGroup.objects.create(**each._asdict(), marked_at=datetime.now(UTC))
    ask = partial(app.send_task, "learning.aggregate_soon", kwargs={"module": "pm"})
    return _until(ask, lambda: not DirtyGroup.objects.exists())


def _twins(seeds: list[int]) -> float:
    def ask() -> None:
        request_twins(module="pm", policy=LearningMethod.PLAN, now=datetime.now(UTC), seeds=seeds)

    return _until(ask, lambda: NoiseTwin.objects.filter(seed__in=seeds, status=NoiseTwin.Status.DONE).count() == TWINS)


def _until(begin: Callable[[], object], is_done: Callable[[], bool]) -> float:
    began = time.perf_counter()
    begin()
    while not is_done():
        assert time.perf_counter() - began < 600
        time.sleep(0.02)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench two_by_two", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--only", choices=("web", "workers"), help="measure one of the two")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, scratch_database():
        if chosen.only != "workers":
            web(chosen.seconds, chosen.rounds, Path(home))
        if chosen.only != "web":
            workers(chosen.rows, chosen.rounds, Path(home))


if __name__ == "__main__":
    main()
