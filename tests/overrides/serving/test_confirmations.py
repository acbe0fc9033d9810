"""What processes and clients report that they serve, and how long a report counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from overrides.models import ServingConfirmation
from overrides.serving import confirmations, engine
from overrides.serving.confirmations import Reporter, confirm, forget_silent, reported, unconfirmed, withdraw
from overrides.serving.engine import ENGINE_ROOM
from tests.builders import NOW, make_spec, publish, run_concurrently, set_mode, wait_until

pytestmark = pytest.mark.django_db
LIMIT = timedelta(seconds=settings.MAX_STALE_SECONDS)


def names(module: str = "pm", now: datetime = NOW) -> list[str]:
    return [each.name for each in unconfirmed(module, now)]


class TestConfirm:
    def test_replaces_the_earlier_report_of_the_same_one(self) -> None:
        confirm("client", "bot-7", {"pm": (3, 1), "dm": (None, None)}, NOW)
        confirm("client", "bot-7", {"pm": (4, 2)}, NOW + timedelta(seconds=5))
        confirm("process", "bot-7", {"pm": (1, 1)}, NOW)

        rows = ServingConfirmation.objects.order_by("kind", "module")
        assert list(rows.values_list("kind", "module", "version", "mode_revision")) == [
            ("client", "dm", None, None), ("client", "pm", 4, 2), ("process", "pm", 1, 1)
        ]  # fmt: skip

    def test_takes_a_zero_as_none(self) -> None:
        confirm("client", "bot-7", {"pm": (0, 0)}, NOW)

        assert [each.served for each in reported("pm", NOW)] == [(None, None)]
        assert names() == []

    def test_costs_one_statement(self, django_assert_num_queries: object) -> None:
        with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture has no public type
            confirm("process", "h:1:1", {"pm": (1, 1), "dm": (1, 1)}, NOW)

    def test_keeps_its_rows_in_a_table_that_writes_no_log(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'overrides_servingconfirmation'")
            assert cursor.fetchone() == ("u",)


class TestUnconfirmed:
    def test_are_those_with_another_version_or_mode(self) -> None:
        publish(make_spec())
        set_mode("on")
        revision = 1
        confirm("process", "h:1:1", {"pm": (1, revision)}, NOW)
        confirm("process", "h:2:1", {"pm": (None, revision)}, NOW)
        confirm("client", "bot", {"pm": (1, 7)}, NOW)

        assert names() == ["h:2:1", "bot"]
        assert [each.newest for each in reported("pm", NOW)] == [(1, revision)] * 3

    def test_see_a_switch_before_anybody_has_followed(self) -> None:
        set_mode("on")
        confirm("process", "h:1:1", {"pm": (None, 1)}, NOW)
        assert names() == []

        set_mode("off")

        assert names() == ["h:1:1"]

    def test_answer_neutral_by_themselves_after_the_limit_since_they_were_last_confirmed(self) -> None:
        confirmed_at = NOW - timedelta(seconds=20)
        confirm("process", "h:1:1", {"pm": (3, 1)}, NOW, confirmed_at={"pm": confirmed_at})
        confirm("process", "h:2:1", {"pm": (3, 1)}, NOW, confirmed_at={"pm": None})

        served, never = unconfirmed("pm", NOW)

        assert (served.neutral_at, served.is_neutral) == (confirmed_at + LIMIT, False)
        assert (never.neutral_at, never.is_neutral) == (None, True)
        assert unconfirmed("pm", NOW + LIMIT)[0].is_neutral is True

    def test_are_late_after_two_missed_reports(self) -> None:
        confirm("client", "bot", {"pm": (3, 1)}, NOW)

        ages = {seconds: unconfirmed("pm", NOW + timedelta(seconds=seconds))[0] for seconds in (0, 11, 12)}

        assert [each.age_seconds for each in ages.values()] == [0, 11, 12]
        assert [each.is_late for each in ages.values()] == [False, False, True]

    def test_disappear_after_the_limit_and_are_removed_later(self) -> None:
        confirm("process", "h:1:1", {"pm": (3, 1), "dm": (3, 1)}, NOW)
        confirm("process", "h:2:1", {"pm": (3, 1)}, NOW + LIMIT)
        later = NOW + LIMIT + timedelta(seconds=1)

        assert names(now=later) == ["h:2:1"]
        assert forget_silent(later) == 2
        assert ServingConfirmation.objects.count() == 1

    def test_disappear_when_they_end(self) -> None:
        confirm("client", "bot", {"pm": (3, 1)}, NOW)

        withdraw("client", "bot")

        assert reported("pm", NOW) == []


class TestReporter:
    def test_reports_a_change_at_once_and_the_same_state_seldom(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = [0.0]
        monkeypatch.setattr("overrides.serving.confirmations.time.monotonic", lambda: clock[0])
        reporter, taken = Reporter(NOW), []
        for seconds, version in [(0.0, 1), (0.5, 2), (1.0, 2), (3.0, 2), (5.9, 2), (6.0, 2)]:
            clock[0] = seconds
            reporter.report({"pm": (version, 1)}, {"pm": 0.0}, NOW + timedelta(seconds=seconds))
            row = ServingConfirmation.objects.get()
            taken.append((row.version, (row.at - NOW).total_seconds()))

        assert taken == [(1, 0.0), (1, 0.0), (2, 1.0), (2, 1.0), (2, 1.0), (2, 6.0)]

    def test_says_since_when_it_is_not_confirmed(self) -> None:
        Reporter(NOW).report({"pm": (1, 1), "dm": (1, 1)}, {"pm": 30.0, "dm": float("inf")}, NOW)

        rows = ServingConfirmation.objects.order_by("module").values_list("module", "confirmed_at")
        assert list(rows) == [("dm", None), ("pm", NOW - timedelta(seconds=30))]

    def test_needs_no_database_to_withdraw_what_it_never_reported(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(0):
            Reporter(NOW).withdraw()


class TestEngineRoom:
    @pytest.fixture
    def polling(self, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(engine, "POLL_SECONDS", 0.02)
        monkeypatch.setattr(confirmations, "SOONEST_SECONDS", 0.05)
        yield
        ENGINE_ROOM.close()

    @pytest.mark.usefixtures("polling")
    def test_reports_what_it_serves_until_it_ends(self) -> None:
        publish(make_spec())
        set_mode("on")
        ENGINE_ROOM.engine("pm")
        wait_until(lambda: len(reported("pm", datetime.now(UTC))) == 1, "the first report")

        run_concurrently(lambda: set_mode("off"))
        wait_until(
            lambda: [each.served for each in reported("pm", datetime.now(UTC)) if each.is_confirmed] == [(1, 2)],
            "the switch to be confirmed",
        )

        ENGINE_ROOM.close()
        assert reported("pm", datetime.now(UTC)) == []
        assert "engine-room" not in {thread.name for thread in threading.enumerate()}
