"""The state of jobs: late, or failed in their last run."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection

from config.operations.job_punctuality import punctuality, record_start, schedule
from telemetry.foundation.models import JobRun
from tests.builders import DAY

LATER = datetime.fromisoformat("2030-01-01T12:00:00+00:00")  # long after the migrations of the test database


def ran(at: datetime, status: str = "done", job: str = "replay") -> None:
    JobRun.objects.create(job=job, period=at.isoformat(), status=status, started_at=at, finished_at=at)


def status_of(job: str, now: datetime = LATER) -> str:
    return punctuality(now=now)[job]["status"]


@pytest.mark.django_db
class TestPunctuality:
    def test_is_in_order_after_a_run(self) -> None:
        ran(LATER - DAY)

        assert punctuality(now=LATER)["replay"] == {
            "status": "ok", "seconds_since_success": 86_400.0, "period_seconds": 86_400.0,
        }  # fmt: skip

    def test_has_failed_where_the_last_run_did_at_once(self) -> None:
        ran(LATER - DAY)
        ran(LATER - timedelta(minutes=1), "failed")

        assert status_of("replay") == "failed"

    def test_is_in_order_again_once_it_ran_again(self) -> None:
        ran(LATER - timedelta(minutes=10), "failed", job="aggregate pm")
        ran(LATER - timedelta(minutes=5), job="aggregate pm")

        assert status_of("aggregate pm") == "ok"

    @pytest.mark.parametrize(("age", "status"), [(timedelta(days=2), "ok"), (timedelta(days=2, minutes=2), "late")])
    def test_is_late_after_two_periods(self, age: timedelta, status: str) -> None:
        ran(LATER - age)

        assert status_of("replay") == status

    def test_a_job_that_never_ran_counts_from_the_last_migration(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(applied) FROM django_migrations")
            applied = cursor.fetchone()[0]

        assert status_of("replay", applied + DAY) == "ok"
        assert status_of("replay", applied + 3 * DAY) == "late"

    def test_no_job_is_late_before_it_has_had_its_time_since_beat_first_started(self) -> None:
        ran(LATER - 30 * DAY)
        record_start(now=LATER - timedelta(hours=1))
        record_start(now=LATER - timedelta(minutes=1))

        assert (status_of("replay"), status_of("verify audit")) == ("ok", "ok")
        assert status_of("publish due") == "late"  # every minute, and an hour has passed
        assert status_of("replay", LATER + 3 * DAY) == "late"


@pytest.mark.django_db
class TestWhoRunsTheJobs:
    def test_is_nobody_where_nothing_ever_ran(self) -> None:
        found = schedule(now=LATER)

        assert (found.last_sign, found.is_run(LATER)) == (None, False)

    @pytest.mark.parametrize(("age", "is_run"), [(timedelta(minutes=3), True), (timedelta(minutes=4), False)])
    def test_is_somebody_while_the_most_frequent_job_succeeds(self, age: timedelta, is_run: bool) -> None:
        ran(LATER - age, job="publish due")

        assert schedule(now=LATER).is_run(LATER) is is_run

    def test_is_somebody_when_beat_has_just_started(self) -> None:
        record_start(now=LATER)

        assert schedule(now=LATER).is_run(LATER + timedelta(minutes=1))
