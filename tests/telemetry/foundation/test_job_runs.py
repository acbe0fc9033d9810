"""Scheduled work runs once per period, however often it is delivered."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection

from telemetry.audit.audit_log import write_audit
from telemetry.audit.verify_trail import ChainBroken
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.job_runs import RETENTION, period_of, run_in_parts, run_once
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry
from telemetry.tasks import forget_runs_task, moment_of_task, verify_audit_task
from tests.builders import NOW, attempt, run_concurrently, wait_until

HOUR = timedelta(hours=1)


class Work:
    """Counts its runs."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs, self.error = 0, error

    def __call__(self) -> int:
        self.runs += 1
        write_audit(actor="job", action="work", object="job", reason="", before=None, after=None, at=NOW)
        if self.error is not None:
            raise self.error
        return 7


@pytest.mark.django_db
class TestMoment:
    def test_reads_an_aware_time_and_no_other(self) -> None:
        assert moment_of_task("2026-03-02T13:00:00+01:00") == NOW
        with pytest.raises(Refused, match=r"now: .* names no time zone"):
            moment_of_task("2026-03-02T12:00:00")


class TestPeriodOf:
    def test_is_the_start_of_the_period_that_holds_now(self, now: datetime) -> None:
        assert period_of(now + timedelta(minutes=59, seconds=59), HOUR) == "2026-03-02T12:00:00+00:00"
        assert period_of(now + timedelta(minutes=7), timedelta(minutes=5)) == "2026-03-02T12:05:00+00:00"


@pytest.mark.django_db
class TestRunOnce:
    def test_does_the_work_and_keeps_what_it_touched(self, now: datetime) -> None:
        run = run_once("build", now=now, every=HOUR, work=Work())

        assert run is not None
        assert (run.job, run.period, run.status, run.rows, run.error) == (
            "build", "2026-03-02T12:00:00+00:00", "done", 7, "",
        )  # fmt: skip
        assert run.started_at <= run.finished_at

    def test_does_nothing_again_in_the_same_period(self, now: datetime) -> None:
        work = Work()
        run_once("build", now=now, every=HOUR, work=work)

        assert run_once("build", now=now + timedelta(minutes=59), every=HOUR, work=work) is None
        assert (work.runs, JobRun.objects.count()) == (1, 1)

    def test_works_again_in_the_next_period_and_for_another_job(self, now: datetime) -> None:
        work = Work()

        for job, at in (("a", now), ("a", now + HOUR), ("b", now)):
            assert run_once(job, now=at, every=HOUR, work=work) is not None

        assert (work.runs, JobRun.objects.count()) == (3, 3)

    def test_records_a_failure_undoes_the_work_and_leaves_the_period_free(self, now: datetime) -> None:
        with pytest.raises(ZeroDivisionError):
            run_once("build", now=now, every=HOUR, work=Work(ZeroDivisionError("by zero")))

        run = JobRun.objects.get()
        assert (run.status, run.rows, AuditEntry.objects.count()) == ("failed", 0, 0)
        assert "ZeroDivisionError: by zero" in run.error

        assert run_once("build", now=now, every=HOUR, work=Work()) is not None
        run.refresh_from_db()
        assert (run.status, run.rows, run.error, JobRun.objects.count()) == ("done", 7, "", 1)

    def test_records_a_refusal_in_its_own_words_and_goes_on(self, now: datetime) -> None:
        refused = run_once(
            "build", now=now, every=HOUR, work=Work(ValueError("scope: drop a dimension")), refusals=(ValueError,)
        )

        assert refused == JobRun.objects.get()
        assert (refused.status, refused.error, AuditEntry.objects.count()) == ("failed", "scope: drop a dimension", 0)
        assert run_once("build", now=now, every=HOUR, work=Work(), refusals=(ValueError,)) is not None

    def test_fails_where_the_audit_trail_is_broken(self, now: datetime) -> None:
        Work()()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE telemetry_auditentry DISABLE TRIGGER audit_is_append_only")
            cursor.execute("UPDATE telemetry_auditentry SET content = '{}'")

        with pytest.raises(ChainBroken, match="changed"):
            verify_audit_task(now=now.isoformat())

        assert JobRun.objects.get(job="verify audit").status == "failed"


@pytest.mark.django_db
class TestForgetRuns:
    def test_removes_what_ended_longer_ago_than_it_is_kept(self, now: datetime) -> None:
        for job, age in (("old", RETENTION + HOUR), ("failed", RETENTION + HOUR), ("young", RETENTION - HOUR)):
            status = "failed" if job == "failed" else "done"
            JobRun.objects.create(job=job, period="p", status=status, started_at=now - age, finished_at=now - age)

        forget_runs_task(now=now.isoformat())

        assert sorted(JobRun.objects.values_list("job", "rows")) == [("forget runs", 2), ("young", 0)]


@pytest.mark.django_db(transaction=True)
class TestConcurrentRuns:
    def test_do_the_work_once(self, now: datetime) -> None:
        others_are_done, work = threading.Semaphore(0), Work()

        def slowly() -> int:
            assert all(others_are_done.acquire(timeout=10) for _ in range(2))
            return work()

        def deliver() -> JobRun | None:
            run = run_once("build", now=now, every=HOUR, work=slowly)
            others_are_done.release()
            return run

        runs = run_concurrently(deliver, deliver, deliver)

        assert sum(run is None for run in runs) == 2
        assert (work.runs, JobRun.objects.get().status) == (1, "done")

    def test_of_different_jobs_do_not_wait_for_each_other(self, now: datetime) -> None:
        both_run = threading.Barrier(2)

        def meet() -> int:
            both_run.wait(timeout=10)
            return 1

        runs = run_concurrently(*[lambda job=job: run_once(job, now=now, every=HOUR, work=meet) for job in "ab"])

        assert [run.rows for run in runs] == [1, 1]

    def test_leave_the_period_free_when_the_worker_loses_its_connection(self, now: datetime) -> None:
        pids: list[int] = []
        is_killed = threading.Event()

        def work() -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            assert is_killed.wait(10)
            return Work()()

        results: list[object] = []
        worker = threading.Thread(
            target=lambda: results.append(attempt(lambda: run_once("build", now=now, every=HOUR, work=work)))
        )
        worker.start()
        wait_until(lambda: bool(pids), "the work to begin")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", pids)
        is_killed.set()
        worker.join()

        assert isinstance(results[0], DatabaseError)
        assert AuditEntry.objects.count() == 0
        assert run_once("build", now=now, every=HOUR, work=Work()) is not None
        assert JobRun.objects.get().status == "done"


@pytest.mark.django_db(transaction=True)
class TestRunInParts:
    def test_does_the_work_once_in_a_period(self, now: datetime) -> None:
        work = Work()

        runs = [run_in_parts("build", now=now, every=HOUR, work=work) for _ in range(2)]

        assert [None if run is None else (run.status, run.rows) for run in runs] == [("done", 7), None]
        assert work.runs == 1

    def test_keeps_what_was_done_before_a_failure_and_can_be_tried_again(self, now: datetime) -> None:
        with pytest.raises(ValueError, match="half way"):
            run_in_parts("build", now=now, every=HOUR, work=Work(ValueError("half way")))

        assert AuditEntry.objects.filter(actor="job").count() == 1
        assert "half way" in JobRun.objects.get(status="failed").error
        again = run_in_parts("build", now=now, every=HOUR, work=Work())
        assert again is not None
        assert again.status == "done"

    def test_leaves_a_job_alone_that_runs_elsewhere(self, now: datetime) -> None:
        entered, free = threading.Event(), threading.Event()

        def wait() -> int:
            entered.set()
            free.wait(20)
            return 1

        first = threading.Thread(
            target=lambda: run_concurrently(lambda: run_in_parts("build", now=now, every=HOUR, work=wait))
        )
        first.start()
        assert entered.wait(20)
        try:
            assert run_in_parts("build", now=now, every=HOUR, work=Work()) is None
            assert run_once("build", now=now, every=HOUR, work=Work()) is None
        finally:
            free.set()
            first.join()
        assert JobRun.objects.get().rows == 1
