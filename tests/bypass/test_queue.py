"""What a message in the queue can do: choose which work is done, never the time at which it is done."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from learning.tasks import publish_within_mandates_task
from overrides.models import ChangeRequest, Version
from overrides.tasks import publish_due_task
from telemetry.foundation.job_runs import period_of
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry
from telemetry.recording.record_trades import record_trades
from telemetry.tasks import moment_of_task
from tests.builders import NOW, draft, make_lesson, make_spec, make_trades, publish

HOUR = timedelta(hours=1)
FUTURE = "2099-01-01T00:00:00+00:00"
SOON = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def let_the_clock_count() -> None:
    """Take away the permission to simulate time, as a database in earnest has it."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM simulated_time")


def ignored(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [each for each in caplog.records if each.name == "telemetry.tasks"]
    assert {each.levelno for each in lines} <= {logging.WARNING}
    return [each.getMessage() for each in lines]


class TestMoment:
    def test_of_a_message_is_ignored_with_a_warning_where_time_is_not_simulated(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        let_the_clock_count()

        assert abs(moment_of_task(FUTURE) - datetime.now(UTC)) < SOON
        assert abs(moment_of_task("no time at all") - datetime.now(UTC)) < SOON

        first, second = ignored(caplog)
        assert "time of a message ignored" in first
        assert FUTURE in first
        assert "no time at all" in second

    def test_of_a_message_counts_where_time_is_simulated(self, caplog: pytest.LogCaptureFixture) -> None:
        assert moment_of_task(FUTURE) == datetime(2099, 1, 1, tzinfo=UTC)
        assert ignored(caplog) == []


class TestPublishDue:
    @pytest.mark.parametrize(("is_simulated", "state"), [(True, "expired"), (False, "in_review")])
    def test_expires_requests_by_the_clock_and_not_by_the_message(
        self, is_simulated: bool, state: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        present = datetime.now(UTC)
        asked = draft(make_spec(), at=present)
        if not is_simulated:
            let_the_clock_count()

        publish_due_task(now=FUTURE)

        assert ChangeRequest.objects.get(pk=asked.pk).state == state
        assert AuditEntry.objects.filter(content__contains="2099").exists() is is_simulated
        assert JobRun.objects.filter(job="publish due", period__startswith="2099").exists() is is_simulated
        assert [FUTURE in line and "overrides.publish_due" in line for line in ignored(caplog)] == (
            [] if is_simulated else [True]
        )


class TestPublishWithinMandates:
    @pytest.mark.parametrize(("is_simulated", "versions"), [(True, 2), (False, 1)])
    def test_lets_no_expired_mandate_count_again_by_an_old_time(self, is_simulated: bool, versions: int) -> None:
        evidence = {"n": 40, "edge_raw": 0.8, "variance": 0.5}
        record_trades(make_trades([0.8] * 40), now=NOW)
        publish(make_spec({"size_mult": 1.2}, stats=evidence), source="lesson")
        make_lesson({"size_mult": 1.1})
        if not is_simulated:
            let_the_clock_count()
        old = NOW + HOUR

        publish_within_mandates_task(module="pm", now=old.isoformat())

        assert Version.objects.filter(module="pm").count() == versions
        runs = JobRun.objects.filter(job="publish within mandates pm", status="done")
        assert [run.period == period_of(old, HOUR) for run in runs] == [is_simulated]
