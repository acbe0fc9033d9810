"""Failed logins lock a login for some time, by name and address and by name, and the ways to unlock it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import F
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from config.access.keys import issue_key
from config.access.logins import address_of, tidy
from config.access.tasks import tidy_logins_task
from telemetry.foundation.models import JobRun
from tests.people import keeper, make_person

LOGIN = "/admin/login/?next=/admin/"
RIGHT = "a long and right password"
ELSEWHERE = "203.0.113.9"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ada() -> User:
    return make_person("ada", password=RIGHT, is_staff=True)


def log_in(password: str = "wrong", *, name: str = "ada", address: str = "198.51.100.1") -> Any:
    return Client(REMOTE_ADDR=address).post(LOGIN, {"username": name, "password": password})


def fail(times: int, **where: str) -> list[int]:
    return [log_in(**where).status_code for _ in range(times)]


def age(by: timedelta) -> None:
    """Move the recorded failures back in time."""
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - by)


class TestLock:
    def test_comes_with_the_fifth_failure_from_one_address(self) -> None:
        assert fail(5) == [200, 200, 200, 200, 429]
        assert log_in(RIGHT).status_code == 429

    def test_says_how_long_and_the_way_out(self) -> None:
        fail(5)

        response = log_in(RIGHT)

        text = response.content.decode()
        assert "up to 15 minutes" in text
        assert "axes_reset_username" in text
        assert response["Retry-After"] == "900"
        assert "no-store" in response["Cache-Control"]
        assert re.findall(r"<[^>]* style=|<style|<script(?![^>]* src=)", text) == []

    def test_is_logged_with_the_name_and_the_address(self, caplog: pytest.LogCaptureFixture) -> None:
        fail(5)

        (record,) = [each for each in caplog.records if each.name == "config.access.logins"]
        assert record.levelname == "WARNING"
        for text in ("login locked", "ada", "198.51.100.1"):
            assert text in record.getMessage()

    def test_is_on_that_name_from_that_address_alone(self) -> None:
        make_person("bob", password=RIGHT, is_staff=True)
        fail(5)

        assert log_in(RIGHT, address=ELSEWHERE).status_code == 302
        assert log_in(RIGHT, name="bob").status_code == 302

    def test_comes_for_a_name_after_twenty_failures_from_anywhere(self) -> None:
        seen = [log_in(address=f"203.0.113.{n // 4}").status_code for n in range(20)]

        assert seen == [200] * 19 + [429]
        assert log_in(RIGHT, address=ELSEWHERE).status_code == 429

    def test_ends_by_itself(self) -> None:
        fail(5)
        age(timedelta(minutes=14))
        assert log_in(RIGHT).status_code == 429

        age(timedelta(minutes=2))

        assert log_in(RIGHT).status_code == 302

    def test_is_not_prolonged_by_trying_on(self) -> None:
        fail(5)
        age(timedelta(minutes=14))
        fail(3)

        age(timedelta(minutes=2))

        assert log_in(RIGHT).status_code == 302

    def test_is_lifted_by_command(self) -> None:
        fail(5)

        call_command("axes_reset_username", "ada", verbosity=0)

        assert log_in(RIGHT).status_code == 302

    def test_locks_names_nobody_has_alike(self) -> None:
        assert fail(5, name="nobody")[-1] == 429

    def test_does_not_touch_keys(self) -> None:
        _, key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", REMOTE_ADDR="198.51.100.1")
        fail(5)

        assert client.get("/api/v1/versions/").status_code == 200
        assert {client.get("/api/v1/versions/", HTTP_AUTHORIZATION="Bearer cw_x_y").status_code for _ in range(6)} == {
            401
        }

    def test_keeps_no_password(self) -> None:
        log_in("a nearly right password")

        assert "nearly" not in str(AccessAttempt.objects.values().get())


class TestLogin:
    def test_forgives_its_own_failures(self) -> None:
        fail(4)
        log_in(RIGHT)

        assert fail(4) == [200] * 4

    def test_does_not_forgive_what_failed_elsewhere(self) -> None:
        fail(4, address=ELSEWHERE)

        log_in(RIGHT)

        assert fail(1, address=ELSEWHERE) == [429]

    def test_ends_with_a_logout(self) -> None:
        client = Client()
        client.post(LOGIN, {"username": "ada", "password": RIGHT})
        assert client.get("/admin/").status_code == 200

        client.post("/admin/logout/")

        assert client.get("/admin/").status_code == 302

    def test_changes_its_password_and_ends_other_sessions(self) -> None:
        here, there = Client(), Client()
        for client in (here, there):
            client.post(LOGIN, {"username": "ada", "password": RIGHT})
        new = "another long one entirely"

        here.post("/admin/password_change/", {"old_password": RIGHT, "new_password1": new, "new_password2": new})

        assert here.get("/admin/").status_code == 200
        assert there.get("/admin/").status_code == 302
        assert log_in(new).status_code == 302

    def test_lasts_a_working_day_in_a_cookie_that_scripts_cannot_read(self) -> None:
        cookie = log_in(RIGHT).cookies["sessionid"]

        assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (12 * 3600, True, "Lax")


class TestAddressOf:
    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (0, "1.1.1.1", "10.0.0.1"),
            (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"),
            (2, "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
            (3, "1.1.1.1", "1.1.1.1"),
            (1, "", "10.0.0.1"),
            (1, "unknown", None),
            (1, "2001:db8::1", "2001:db8::1"),
        ],
    )
    def test_is_what_the_outermost_proxy_of_ours_saw(
        self, settings: Any, proxies: int, forwarded: str, address: str | None
    ) -> None:
        settings.TRUSTED_PROXIES = proxies
        request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)

        assert address_of(request) == address

    def test_is_nothing_on_a_socket_of_the_file_system(self) -> None:
        assert address_of(RequestFactory().get("/", REMOTE_ADDR="")) is None

    def test_nothing_is_counted_and_locked_too(self) -> None:
        assert fail(5, address="")[-1] == 429


class TestTidy:
    def test_deletes_failures_that_lock_nothing_and_sessions_that_ended(self) -> None:
        fail(1)
        age(timedelta(hours=1))
        fail(1, name="bob")
        log_in(RIGHT, address=ELSEWHERE)
        now = datetime.now(UTC)
        Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(seconds=1))
        AccessAttempt.objects.create(
            username="eve", failures_since_start=1, ip_address=ELSEWHERE, user_agent="x", get_data="", post_data=""
        )
        AccessAttempt.objects.filter(username="eve").update(attempt_time=now - timedelta(minutes=16))

        deleted = tidy(now=now)

        assert deleted == 2
        assert list(AccessAttempt.objects.values_list("username", flat=True)) == ["bob"]
        assert Session.objects.count() == 1

    def test_runs_once_a_night(self) -> None:
        fail(1)
        age(timedelta(hours=1))

        for _ in range(2):
            tidy_logins_task(now="2099-01-01T01:50:00Z")

        run = JobRun.objects.get(job="tidy logins")
        assert (run.status, run.rows) == ("done", 1)
        assert not AccessAttempt.objects.exists()
