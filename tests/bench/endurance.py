"""Ten minutes of mixed load while versions change and servers fail: `./dev bench endurance [--seconds N]`.

A deployment of its own (two web processes, the stream, a worker for each queue, a beat, PostgreSQL that writes durably,
Valkey) is asked for levers one by one, in lists and durably, records trades and opens pages, while a new version is
published every five seconds. Meanwhile a Celery worker and a web process are killed, Valkey is stopped and started, and
PostgreSQL is frozen and restarted. Every answer is compared with what the version that it names answers, computed
apart; every decision that was confirmed as durable has to be stored at the end.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from devkit import services
from devkit.processes import end, spawn, wait_until

from tests.bench.endurance_callers import Answered, Callers, Notes
from tests.bench.report import figure
from tests.outages.callers import Bot, answers_of_all
from tests.outages.deployment import PROCESSES, SERVERS, Deployment

SECONDS, EVERY, PAUSE = 600.0, 5.0, 0.02
SLOWEST = 1.0  # seconds
GROWTH = 1.1  # of a web process's memory between the second fifth of the run and the last one
UNANSWERED = ("STALE", "ERROR", "MODULE_OFF")
RESOLVING = ("single", "list", "durable")


def main(seconds: float = SECONDS, every: float = EVERY, pause: float = PAUSE) -> dict[str, float]:
    """Run and print the figures; return them."""
    with services.throw_away_home() as home, tempfile.TemporaryDirectory() as logs:
        deployment = Deployment(home, Path(logs))
        try:
            return _run(deployment, Path(logs), seconds, every, pause)
        finally:
            deployment.close()


def _run(deployment: Deployment, logs: Path, seconds: float, every: float, pause: float) -> dict[str, float]:
    deployment.start(*SERVERS)
    deployment.migrate()
    secrets = deployment.run("tests.outages.furnish")
    deployment.start(*PROCESSES)
    story = logs / "publisher.jsonl"
    with story.open("wb") as output:
        told: list[str | Path] = [sys.executable, "-m", "tests.bench.endurance_publisher", str(seconds), str(every)]
        publisher = spawn(told, deployment.env, output)
    try:
        if not wait_until(lambda: len(lines(story)) >= 2, 60):
            raise RuntimeError(f"nothing was published: {story.read_text()[-2000:]}")
        if not wait_until(lambda: _is_serving(deployment, Bot(deployment.address, secrets["record"])), 120):
            raise RuntimeError("the web processes do not answer from a version")
        callers = Callers(deployment.address, secrets, lines(story)[0]["questions"])
        memory: list[tuple[float, int, int]] = []
        ending = threading.Event()
        watching = threading.Thread(target=_watch, args=(deployment, memory, ending), daemon=True)
        callers.start(secrets["password"], pause=pause)
        watching.start()
        _break_things(deployment, seconds)
        callers.stop()
        ending.set()
        watching.join(30)
        if publisher.poll():
            raise RuntimeError(f"the publisher failed: {story.read_text()[-2000:]}")
    finally:
        end(publisher)
    deployment.stop("web")
    return _report(deployment, callers, lines(story), memory)


def _is_serving(deployment: Deployment, bot: Bot) -> bool:
    """Return whether every web process answers, from a version: the load begins after the start of an installation."""
    try:
        answers = answers_of_all(deployment, bot)
    except (OSError, http.client.HTTPException, AssertionError):
        return False
    return bool(answers) and all(answer["reason"] != "STALE" for answer in answers)


def _break_things(deployment: Deployment, seconds: float) -> None:
    """Break one thing after the other, at fixed shares of the run's time."""
    begun = time.monotonic()

    def at(share: float, action: Callable[[], None]) -> None:
        time.sleep(max(0.0, begun + share * seconds - time.monotonic()))
        action()

    at(0.15, lambda: deployment.kill("facts"))
    at(0.20, lambda: deployment.start("facts"))
    at(0.25, lambda: deployment.stop("valkey"))
    at(0.35, lambda: deployment.start("valkey"))
    at(0.45, lambda: _kill_a_web_process(deployment))
    at(0.55, lambda: _freeze(deployment, 0.05 * seconds))
    at(0.70, lambda: deployment.stop("postgresql"))
    at(0.75, lambda: deployment.start("postgresql"))
    at(1.00, lambda: None)


def _kill_a_web_process(deployment: Deployment) -> None:
    os.kill(min(deployment.web_processes()), signal.SIGKILL)


def _freeze(deployment: Deployment, seconds: float) -> None:
    with deployment.frozen("postgresql"):
        time.sleep(seconds)


def _watch(deployment: Deployment, memory: list[tuple[float, int, int]], ending: threading.Event) -> None:
    """Note the memory of each web process every second, in bytes."""
    begun = time.monotonic()
    while not ending.wait(1.0):
        for pid in deployment.web_processes():
            resident = _resident(pid)
            if resident:
                memory.append((time.monotonic() - begun, pid, resident))


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _report(
    deployment: Deployment,
    callers: Callers,
    story: Sequence[Mapping[str, Any]],
    memory: Sequence[tuple[float, int, int]],
) -> dict[str, float]:
    expected = {line["version"]: line["levers"] for line in story if "version" in line}
    notes = [callers.notes[name] for name in RESOLVING]
    seconds = sorted(second for each in notes for second in each.seconds)
    stored = {str(row[0]) for row in deployment.query("SELECT decision_id FROM telemetry_decision")}
    trades = {row[0] for row in deployment.query("SELECT external_id FROM telemetry_trade")}
    wrong, unknown = compared(callers.answers, expected)
    figures = {
        "answers": float(sum(callers.answers.values())),
        "answers of stale engines": float(sum(n for key, n in callers.answers.items() if key[2] == "STALE")),
        "versions published": float(len(expected)),
        "requests for levers": float(sum(sum(each.statuses.values()) for each in notes)),
        "server errors on resolve": float(sum(each.server_errors for each in notes)),
        "connections broken on resolve": float(sum(len(each.broken) for each in notes)),
        "slowest resolve": seconds[-1],
        "99th percentile of resolve": seconds[int(len(seconds) * 0.99)],
        "resolves over a second": float(sum(second > SLOWEST for second in seconds)),
        "wrong answers": float(wrong),
        "answers of a version that the publisher did not see": float(unknown),
        "durable decisions": float(len(callers.durable)),
        "durable decisions lost": float(len(callers.durable - stored)),
        "recorded trades lost": float(len(callers.recorded - trades)),
        "growth of memory": growth(memory),
    }
    bars = {
        "server errors on resolve": "0",
        "resolves over a second": "0",
        "wrong answers": "0",
        "durable decisions lost": "0",
        "recorded trades lost": "0",
        "growth of memory": f"<= {GROWTH}",
    }
    for name, value in figures.items():
        figure("endurance", name, value, _unit(name), **({"bar": bars[name]} if name in bars else {}))
    for name, each in callers.notes.items():
        _print_notes(name, each)
    return figures


def _unit(name: str) -> str:
    if name == "growth of memory":
        return "ratio"
    return "s" if name in ("slowest resolve", "99th percentile of resolve") else "count"


def _print_notes(name: str, notes: Notes) -> None:
    if notes.seconds:
        figure("endurance", "slowest reply", max(notes.seconds), "s", caller=name)
    for status, number in sorted(notes.statuses.items()):
        figure("endurance", "replies", number, "count", caller=name, status=status)
    for words, number in Counter(notes.broken).most_common(5):
        figure("endurance", "connections broken", number, "count", caller=name, error=words)


def compared(answers: Mapping[Answered, int], expected: Mapping[int, Sequence[Mapping[str, float]]]) -> tuple[int, int]:
    """Return how many answers differ from their version's, and how many name a version that nobody computed."""
    wrong = unknown = 0
    for (place, version, reason, levers), number in answers.items():
        if reason in UNANSWERED:
            wrong += number * (dict(levers) != _neutral(dict(levers)))
        elif version is None or version not in expected:
            unknown += number
        else:
            wrong += number * (dict(levers) != expected[version][place])
    return wrong, unknown


def _neutral(levers: Mapping[str, float]) -> dict[str, float]:
    from overrides.core.engine.definitions.levers import LEVERS

    return {name: LEVERS[name].neutral for name in levers}


def growth(memory: Sequence[tuple[float, int, int]]) -> float:
    """Return the largest ratio, over the web processes, of the memory in the last fifth to that in the second fifth.

    Only processes that lived through both count; 1.0 if there are none.
    """
    if not memory:
        return 1.0
    last = memory[-1][0]
    ratios = [1.0]
    for pid in {each[1] for each in memory}:
        early = [size for second, its, size in memory if its == pid and 0.2 * last <= second < 0.4 * last]
        late = [size for second, its, size in memory if its == pid and second >= 0.8 * last]
        if early and late:
            ratios.append(mean(late) / mean(early))
    return max(ratios)


def lines(story: Path) -> list[dict[str, Any]]:
    found = []
    for line in story.read_text(errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # a line of the log, or one that is being written
    return [line for line in found if isinstance(line, dict) and line.keys() & {"questions", "version"}]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the load lasts (600)")
    parser.add_argument("--every", type=float, default=EVERY, help="seconds between two versions (5)")
    arguments = parser.parse_args()
    main(arguments.seconds, arguments.every)
