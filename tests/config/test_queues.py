"""Queues: what must be on time waits behind nothing that takes long, with real workers as deployed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from devkit import supervise
from devkit.processes import spawn
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from kombu import Connection

from config.celery import BEAT, DEFAULT, FACTS, LONG, MINUTE, QUEUE_OF, app
from learning.models import CellGroup
from telemetry.foundation.models import JobRun
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_trades, run_concurrently, wait_until, waits_for_lock

OTHER = 9  # a database of the queue's server that no other test uses, because the queues have their real names here
URL = settings.REDIS_URL.rsplit("/", 1)[0] + f"/{OTHER}"
ON_TIME = {"overrides.publish_due", "overrides.request_effects", "telemetry.send_outbox", "telemetry.record"}
SHORT = {"access.tidy_logins", "telemetry.extend_partitions", "telemetry.forget_runs"}  # nightly, within a second


@pytest.fixture
def workers(transactional_db: None, tmp_path: Path) -> Iterator[Path]:
    """Start the three workers of an installation and a second one of facts; return the directory of their logs."""
    login = connection.settings_dict
    host = f"{login['USER']}:{login['PASSWORD']}@{login['HOST']}:{login['PORT']}"
    environment = os.environ | {"DATABASE_URL": f"postgres://{host}/{login['NAME']}", "REDIS_URL": URL}
    with ExitStack() as stack:
        stack.callback(_empty)
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, started)
        another = [*supervise.WORKERS["facts"], "-n", "another@%h"]
        for name, command in {**supervise.WORKERS, "another": another}.items():
            output = stack.enter_context((tmp_path / name).open("wb"))
            started.append(spawn(command, environment, output))
        yield tmp_path


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    """End them side by side: each takes seconds to close its connections."""
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    for worker in workers:
        worker.wait(timeout=30)


def _empty() -> None:
    with redis.Redis.from_url(URL) as client:
        client.flushdb()


def deliver(task: str, **arguments: str) -> None:
    with Connection(URL) as broker:
        app.send_task(task, kwargs={"now": NOW.isoformat(), **arguments}, connection=broker)


def is_done(job: str) -> bool:
    return JobRun.objects.filter(job=job, status="done").exists()


def test_every_task_that_must_be_on_time_is_in_the_queue_of_nothing_long() -> None:
    each_minute = {row["task"] for row in BEAT.values() if row["schedule"] == MINUTE}

    assert each_minute <= ON_TIME
    assert {task for task in ON_TIME if QUEUE_OF.get(task, DEFAULT) != DEFAULT} == set()


def test_nothing_but_what_is_short_runs_in_the_queue_of_what_must_be_on_time() -> None:
    app.loader.import_default_modules()

    tasks = {name for name in app.tasks if not name.startswith("celery.")}

    assert {task for task in tasks if QUEUE_OF.get(task, DEFAULT) == DEFAULT} == ON_TIME | SHORT


def test_every_route_is_of_a_task_that_exists() -> None:
    app.loader.import_default_modules()

    assert set(QUEUE_OF) <= set(app.tasks)
    assert set(QUEUE_OF.values()) == {FACTS, LONG}
    assert {queue.name for queue in app.conf.task_queues} == {DEFAULT, FACTS, LONG}


def test_the_installation_has_a_worker_for_every_queue() -> None:
    taken = [command[list(command).index("-Q") + 1] for command in supervise.WORKERS.values()]

    assert sorted(map(str, taken)) == sorted([DEFAULT, FACTS, LONG])


def test_a_long_task_delays_neither_the_minute_s_jobs_nor_the_facts(workers: Path) -> None:
    record_trades(make_trades([1.0] * 12), now=NOW)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('build pm', 0))")
        for module in ("pm", "pm", "pm"):  # more than one, so that a worker of several queues would have none left
            deliver("learning.build", module=module)
        wait_until(waits_for_lock, "the build to reach its lock", seconds=60)
        began = time.monotonic()
        deliver("overrides.publish_due")
        deliver("telemetry.send_outbox")
        deliver("learning.aggregate", module="pm")
        # read outside the transaction that holds the lock, which sees only its own snapshot
        (waited,) = run_concurrently(_finished)
        assert isinstance(waited, float), waited
        assert waited - began < 10
        (built,) = run_concurrently(lambda: is_done("build pm"))
        assert built is False

    wait_until(lambda: is_done("build pm"), "the build to end", seconds=40)


def test_two_workers_share_the_groups_with_new_facts(workers: Path) -> None:
    """The first one waits at a group that is locked; the second one does the others meanwhile."""
    keys = [f"uptrend.S{number}.entry" for number in range(6)]
    for key in keys:
        record_trades(make_trades([1.0] * 12, prefix=key, pattern_key=key), now=NOW)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cells pm {keys[0]} entry"])
        deliver("learning.aggregate", module="pm")
        (found,) = run_concurrently(lambda: wait_until(lambda: _counted() >= set(keys[1:]), "the others", seconds=60))
        assert not isinstance(found, Exception), found
        (counted,) = run_concurrently(_counted)
        assert counted == set(keys[1:])

    wait_until(lambda: is_done("aggregate pm"), "the first to end", seconds=40)
    assert _counted() == set(keys)


def _counted() -> set[str]:
    return set(CellGroup.objects.values_list("pattern_key", flat=True))


def _finished() -> float:
    for job in ("publish due", "send outbox", "aggregate pm"):
        wait_until(lambda job=job: is_done(job), f"{job} to be done", seconds=40)  # type: ignore[misc]  # a default binds it
    return time.monotonic()


@pytest.mark.parametrize("task", sorted({name for name, _ in settings.TASKS_AFTER_TRADES}))
def test_work_after_new_trades_is_tried_again_while_the_database_is_away(task: str) -> None:
    """With nobody's trades to come, the next scheduled run would be minutes away."""
    app.loader.import_default_modules()

    work: Any = app.tasks[task]  # its stubs lack the one attribute

    assert work.autoretry_for == (OperationalError, InterfaceError)
    assert work.max_retries == 5
