"""The Python client that answers locally: what an answer costs, what a snapshot costs, and how soon it is switched off.

    ./dev bench client [OVERRIDES] [SWITCHES]

*local*: CPU of the bot's own thread for one answer of about ten matches, with the levers alone and with who moved
them, beside what it spends to ask the server over loopback. *report*: CPU of the other threads per reported decision.
*build* and *load*: CPU of a snapshot in the server and in the client. *off*: the wall time from the commit of a switch
to the first answer that heeds it; the server polls its database twice a second, and the client polls
every two seconds at the latest.
*waiting*: memory of decisions that wait while the server is away.
"""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles

import numpy as np
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from django.test.utils import modify_settings

from config.access.api.authentication import KEY_RING
from config.stream.__main__ import server as stream_server
from overrides.client import Client, LocalClient
from overrides.client.local_engine import read_engine
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.serving.clients.client_confirmations import CLIENTS
from overrides.serving.clients.snapshot import Snapshots
from overrides.serving.decisions.decision_queue import QUEUE
from overrides.serving.engine import ENGINE_ROOM, Engine
from telemetry.audit.simulated_time import time_simulated
from telemetry.foundation.core.canonical_json import utc_text
from tests.api_clients import new_key
from tests.bench.engine_worlds import ASKED, KEY, columns, compiled
from tests.bench.report import figure, scratch_database, timed
from tests.builders import NOW, make_spec, publish, set_mode
from tests.overrides.client.snapshot_server import send, snapshot_server
from tests.overrides.client.snapshots import KEY_OF_BOT, State

SIZES = (10_000, 100_000)
ROUNDS, CALLS = 7, 300
MATCHES = 10
SWITCHES = 20
QUESTION = {"module": "pm", "pattern_key": KEY[1], "action_category": "entry", "scope": ASKED, "at": NOW}
PATIENCE = 30.0  # seconds


def version(total: int, hot: float) -> Compiled:
    """Return overrides of which a share lies under the key that is asked, the others under keys of 400."""
    chance, here = np.random.default_rng(7), max(round(total * hot), 2 * MATCHES)
    buckets = {KEY: columns(here, MATCHES, chance).bucket()}
    for number in range((total - here) // 400):
        buckets["pm", f"bench.long.p{number}", "entry"] = columns(400, 0, chance).bucket()
    return compiled(buckets)


def own_thread(work: Callable[[], object], calls: int | None = None) -> tuple[float, float]:
    """Return CPU of this thread and wall time of one call, in microseconds."""
    calls = calls or CALLS
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(calls):
        work()
    return (time.thread_time() - cpu) / calls * 1e6, (time.perf_counter() - wall) / calls * 1e6


def answering(overrides: int, hot: float, name: str) -> None:
    content = State(compiled=version(overrides, hot)).content()
    with (
        snapshot_server(instead=lambda handler: send(handler, 200, content)) as server,
        LocalClient(server.url, KEY_OF_BOT, stream=False, timeout=30.0, most_reports=10**6) as client,
    ):
        found = client.resolve(QUESTION)
        server.instead = lambda handler: send(handler, 304, b"")
        matched = len(found.document["contributions"]) + len(found.document["excluded"])
        assert client.counters["local"] == 1
        assert matched == MATCHES
        levers, listed = [], []
        for _ in range(ROUNDS):
            levers.append(own_thread(lambda: client.resolve(QUESTION))[0])
            listed.append(own_thread(lambda: client.resolve(QUESTION).document["contributions"])[0])
        left, start, own = client.waiting_reports, time.process_time(), time.thread_time()
        while client.waiting_reports:
            time.sleep(0.01)
        reported = (time.process_time() - start - time.thread_time() + own) / max(left, 1) * 1e6
    of = {"overrides": overrides, "hot": name, "matched": matched}
    figure("client", "local", median(levers), "µs", **of, best_round=round(min(levers), 1), bar=60)
    figure("client", "local_with_contributions", median(listed), "µs", **of)
    figure("client", "report", reported, "µs", **of, decisions=left, includes="the stub server's threads")


def snapshots(overrides: int) -> None:
    parameters = ModuleParameters.default("pm")
    engine = Engine("pm", 1, version(overrides, 0.05), parameters, ServingMode(Mode.ON))
    kept = Snapshots()
    built = timed(lambda: kept.of(engine, 1))
    again = timed(lambda: kept.of(engine, 2).content(packed=True))
    snapshot = kept.of(engine, 1)
    plain, packed = snapshot.content(packed=False), snapshot.content(packed=True)
    loaded = [timed(lambda: read_engine(plain, "pm")).cpu for _ in range(3)]
    known = read_engine(plain, "pm")
    header = timed(
        lambda: read_engine(kept.of(engine, 2).content(packed=False, known_body=snapshot.body.sha256), "pm", known)
    )
    of = {"overrides": overrides}
    figure(
        "client", "snapshot", len(plain) / overrides, "bytes per override", **of, packed=round(len(packed) / overrides)
    )
    figure("client", "build", built.cpu * 1e3, "ms", **of, includes="columns, hashes, test questions, gzip")
    figure("client", "new_mode", again.cpu * 1e3, "ms", **of)
    figure("client", "load", median(loaded) * 1e3, "ms", **of, includes="hashes, compiling, the self-test")
    figure("client", "load_mode", header.cpu * 1e3, "ms", **of)


@contextmanager
def served() -> Iterator[str]:
    """Serve the application on loopback, from threads of this process."""
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
    thread.daemon = True
    with modify_settings(ALLOWED_HOSTS={"append": "127.0.0.1"}):
        thread.start()
        thread.is_ready.wait()
        try:
            yield f"http://127.0.0.1:{thread.port}"
        finally:
            thread.terminate()


@contextmanager
def streamed() -> Iterator[str]:
    """Serve the stream of changes on loopback, from a thread of this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = stream_server("127.0.0.1", port)
    thread = threading.Thread(target=process.run)
    thread.start()
    waited(lambda: process.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.should_exit = True
        thread.join(PATIENCE)


def off(url: str, switches: int, name: str, **options: object) -> None:
    """Switch the module off and on again, at any phase of the polls."""
    chance, taken = random.Random(3), []
    question = QUESTION | {"pattern_key": "bench.long.off", "at": datetime.now(UTC), "scope": {"bucket": "micro"}}
    with LocalClient(url, new_key("evaluate"), timeout=5.0, name=f"bench {name}", **options) as client:  # type: ignore[arg-type]  # options by name
        for _ in range(switches):
            set_mode("on", at=datetime.now(UTC))
            waited(lambda: client.resolve(question).reason == "SINGLE")
            time.sleep(chance.uniform(0, 2))
            set_mode("off", at=datetime.now(UTC))
            taken.append(waited(lambda: client.resolve(question).reason == "MODULE_OFF"))
        counters = client.counters
    assert counters["local"] > switches
    of = {"switches": switches, "how": name, "streamed": counters.get("stream changed", 0), "bar": 5}
    figure("client", "off_p50", median(taken), "s", **of)
    figure("client", "off_p95", quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0], "s", **of)
    figure("client", "off_max", max(taken), "s", **of)


def waited(holds: Callable[[], bool]) -> float:
    start = time.perf_counter()
    while not holds():
        assert time.perf_counter() - start < PATIENCE
        time.sleep(0.005)
    return time.perf_counter() - start


def remote(url: str) -> None:
    client = Client(url, new_key("evaluate"), timeout=5.0)
    taken = [own_thread(lambda: client.resolve(QUESTION), 30) for _ in range(ROUNDS)]
    assert client.counters == {"answered": 30 * ROUNDS}
    figure("client", "remote", median(cpu for cpu, _ in taken), "µs", of="the bot's own thread")
    figure("client", "remote_wall", median(wall for _, wall in taken), "µs", server="threads of this process")


def waiting(most: int) -> None:
    with snapshot_server(State(compiled=version(100, 1.0))) as server:
        server.report = lambda sent: 503
        with LocalClient(server.url, KEY_OF_BOT, stream=False, most_reports=most) as client:
            client.resolve(QUESTION)
            tracemalloc.start()
            for _ in range(2 * most):
                client.resolve(QUESTION)
            grown = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            left, dropped = client.waiting_reports, client.counters["decisions dropped"]
            client.close(0.1)
    assert left == most
    figure("client", "waiting", grown / most, "bytes per decision", waiting=left, dropped=dropped, bound=most)


def run(overrides: int = SIZES[-1], switches: int = SWITCHES) -> None:
    for size in [each for each in SIZES if each <= overrides] or [overrides]:
        answering(size, 1.0, "one key")
        answering(size, 0.05, "5 %")
        snapshots(size)
    waiting(min(overrides, 10_000))
    fresh = {"updated_at": utc_text(datetime.now(UTC) - timedelta(days=1))}
    publish(make_spec(pattern_key="bench.long.off", scope={"bucket": "micro"}, stats=fresh))
    with served() as url:
        remote(url)
        off(url, switches, "polling", stream=False)
        with streamed() as stream_url:
            off(url, switches, "stream", stream=True, stream_url=stream_url)
    for each in (ENGINE_ROOM, CLIENTS, KEY_RING, QUEUE):  # their threads hold connections
        each.close()


if __name__ == "__main__":
    with scratch_database(), time_simulated("the bench switches at an instant of its own"):
        run(*map(int, sys.argv[1:]))
