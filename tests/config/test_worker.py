"""A real worker, as deployed, on the test database: tasks run, duplicates have one effect, kills are recovered from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection, transaction

from config.celery import app
from learning.models import Cell, Lesson
from telemetry.foundation.models import JobRun
from telemetry.models import DirtyGroup
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    KEY,
    NOW,
    SCOPE,
    make_parameters,
    make_trades,
    publish,
    run_concurrently,
    wait_until,
    waits_for_lock,
)

ROOT = Path(__file__).parents[2]
REDELIVERED_AFTER = 3  # seconds; kombu sweeps every five


class Worker:
    """A worker process with its own queue, in its own process group."""

    def __init__(self, log: Path) -> None:
        self.queue, self.log = f"test-{uuid.uuid4()}", log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        login = connection.settings_dict
        host = f"{login['USER']}:{login['PASSWORD']}@{login['HOST']}:{login['PORT']}"
        environment = {
            "DATABASE_URL": f"postgres://{host}/{login['NAME']}",
            "CELERY_VISIBILITY_TIMEOUT": str(REDELIVERED_AFTER),
        }
        arguments = ["--pool=prefork", "--concurrency=1", "--without-gossip", "--without-mingle", "--loglevel=INFO"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config.celery", "worker", *arguments, "-Q", self.queue],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self, sign: signal.Signals) -> None:
        """Signal the whole process group, so that no child survives, and wait for it."""
        if self.process is not None:
            os.killpg(self.process.pid, sign)
            self.process.wait(timeout=30)
            self.process = None

    def deliver(
        self, task: str, *, message: str | None = None, limits: tuple[int, int] | None = None, **arguments: Any
    ) -> None:
        with app.connection_for_write() as broker:
            kwargs = {"now": NOW.isoformat(), **arguments}
            soft, hard = limits or (None, None)
            app.send_task(
                task,
                kwargs=kwargs,
                task_id=message,
                queue=self.queue,
                connection=broker,
                soft_time_limit=soft,
                time_limit=hard,
            )

    def finish(self, job: str, *, status: str = "done") -> JobRun:
        """Wait for a job's run."""
        runs = JobRun.objects.filter(job=job, status=status)
        try:
            wait_until(runs.exists, f"{job} to be {status}", seconds=40)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-4000:]}") from None
        return runs.get()


@pytest.fixture(scope="module")
def worker_of_module(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker") / "log")
    worker.start()
    yield worker
    worker.end(signal.SIGTERM)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(worker.queue, f"_kombu.binding.{worker.queue}")


@pytest.fixture
def worker(worker_of_module: Worker, transactional_db: None) -> Worker:
    return worker_of_module


def record(*rrs: float, **over: Any) -> None:
    record_trades(make_trades(rrs, **over), now=NOW)


def cell() -> tuple[int, float]:
    return Cell.objects.values_list("n", "mean").get(scope=SCOPE)


def test_turns_facts_into_cells_and_lessons(worker: Worker) -> None:
    record(*[2.0] * 20, prefix="g")
    record(*[0.0] * 20, prefix="d", scope={"macro_phase": "Dip"})

    worker.deliver("learning.aggregate", module="pm")
    assert worker.finish("aggregate pm").rows == 1
    assert (cell(), DirtyGroup.objects.count()) == ((20, 2.0), 0)

    worker.deliver("learning.build", module="pm")
    worker.finish("build pm")
    assert Lesson.objects.filter(scope={"macro_phase": "Dip"}).count() == 1


def test_has_one_effect_when_a_message_comes_twice(worker: Worker) -> None:
    """Facts recorded in between would show: a second delivery in the period does not process them."""
    record(*[1.0] * 12)
    message = str(uuid.uuid4())
    worker.deliver("learning.aggregate", module="pm", message=message)
    first = worker.finish("aggregate pm")
    record(*[3.0] * 12, prefix="later")

    worker.deliver("learning.aggregate", module="pm", message=message)
    worker.deliver("learning.build", module="dm")  # queued behind it: once this is done, the first is done too
    worker.finish("build dm")

    assert JobRun.objects.get(job="aggregate pm").finished_at == first.finished_at
    assert (cell(), DirtyGroup.objects.count()) == ((12, 1.0), 1)


def test_records_a_failure_and_works_on(worker: Worker) -> None:
    publish(parameters=make_parameters(lessons={"cell_budget": 1}))
    record(*[1.0] * 12)

    worker.deliver("learning.aggregate", module="pm")
    assert "CellBudgetExceeded" in worker.finish("aggregate pm", status="failed").error

    publish(parameters=make_parameters())
    worker.deliver("learning.aggregate", module="pm")
    assert worker.finish("aggregate pm").error == ""
    assert cell() == (12, 1.0)


def test_makes_up_for_a_worker_killed_in_the_middle_of_a_task(worker: Worker) -> None:
    record(*[1.0] * 12)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cells pm {KEY} entry"])
        worker.deliver("learning.aggregate", module="pm")
        wait_until(waits_for_lock, "the task to reach the group that is locked", seconds=40)
        worker.end(signal.SIGKILL)
    wait_until(_alone, "PostgreSQL to notice that its client is gone")
    assert (JobRun.objects.count(), Cell.objects.count(), DirtyGroup.objects.count()) == (0, 0, 1)

    worker.start()
    run = worker.finish("aggregate pm")

    assert (run.rows, JobRun.objects.count(), DirtyGroup.objects.count()) == (1, 1, 0)
    assert cell() == (12, 1.0)


def test_tells_of_a_task_that_ran_out_of_time(worker: Worker) -> None:
    record(*[1.0] * 12)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cells pm {KEY} entry"])
        # In the message, because a sender that knows the task adds the limits of its own settings.
        # Long enough to reach the lock while other tests take every core: the limit has to fall into the wait.
        worker.deliver("learning.aggregate", module="pm", limits=(10, 60))
        wait_until(waits_for_lock, "the task to reach the group that is locked", seconds=40)
        # read outside the transaction that holds the lock, which sees only its own snapshot
        (failed,) = run_concurrently(lambda: worker.finish("aggregate pm", status="failed"))
    assert isinstance(failed, JobRun), failed
    assert "SoftTimeLimitExceeded" in failed.error
    assert (Cell.objects.count(), DirtyGroup.objects.count()) == (0, 1)

    worker.deliver("learning.aggregate", module="pm")
    worker.finish("aggregate pm")
    assert cell() == (12, 1.0)


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        count: int = cursor.fetchone()[0]
    return count == 1
