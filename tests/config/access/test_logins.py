"""Failed logins lock a login for a while, by name and address and by address; the way back in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import F
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from config.access.keys import issue_key
from config.access.logins import address_of, network_of, tidy
from config.access.tasks import tidy_logins_task
from overrides.models import ModuleMode
from telemetry.foundation.models import JobRun
from tests.builders import set_mode
from tests.people import keeper, make_person, settled

LOGIN = "/admin/login/?next=/admin/"
EVERYTHING_OFF = "/admin/overrides/modulemode/everything-off/"
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


def guess(times: int, *, name: str = "ada", address: str = "198.51.100.1") -> None:
    """Ask as often as `fail`, without the page around it: limits stand where passwords are compared."""
    for _ in range(times):
        request = RequestFactory(REMOTE_ADDR=address).post(LOGIN)
        assert authenticate(request, username=name, password="wrong") is None


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

    def test_comes_for_an_address_after_twenty_failures_of_any_names(self) -> None:
        seen = [log_in(name=f"somebody {n // 4}").status_code for n in range(20)]

        assert seen == [200] * 19 + [429]
        assert log_in(RIGHT).status_code == 429
        assert log_in(RIGHT, address=ELSEWHERE).status_code == 302

    def test_is_never_on_a_name_for_everybody(self) -> None:
        """A stranger with fifty addresses keeps nobody from switching everything off."""
        for n in range(50):
            guess(5, address=f"203.0.113.{100 + n}")

        assert log_in(RIGHT, address="203.0.113.100").status_code == 429
        assert log_in(RIGHT).status_code == 302

    def test_of_ipv6_is_on_the_network_that_one_caller_has(self) -> None:
        seen = [log_in(address=f"2001:db8:0:1::{n}").status_code for n in range(1, 6)]

        assert seen == [200] * 4 + [429]
        assert log_in(RIGHT, address="2001:db8:0:2::1").status_code == 302

    def test_lets_whoever_is_logged_in_switch_everything_off(self) -> None:
        self.ada_may_lower()
        client = Client(REMOTE_ADDR="198.51.100.1")
        client.post(LOGIN, {"username": "ada", "password": RIGHT})
        set_mode("on")
        fail(5)
        fail(20, name="another")

        response = client.post(EVERYTHING_OFF, {"reason": "halt"})

        assert response.status_code == 302
        assert ModuleMode.objects.get(module="pm").mode == "off"

    def ada_may_lower(self) -> None:
        wanted = Permission.objects.filter(codename__in=["lower_modulemode", "view_modulemode"])
        with settled():
            User.objects.get(username="ada").user_permissions.add(*wanted)

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


class TestGuessing:
    """How many passwords are compared within an hour, whatever a stranger does with one address."""

    @pytest.fixture
    def compared(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        names: list[str] = []

        def note(self: ModelBackend, request: Any, username: str | None = None, *_: Any, **__: Any) -> None:
            names.append(str(username))

        monkeypatch.setattr(ModelBackend, "authenticate", note)
        return names

    def an_hour(self, *names: str) -> None:
        """Tries every name more often than it is let, four times a quarter of an hour."""
        for _ in range(4 * 4):
            for name in names:
                guess(3, name=name)
            age(timedelta(minutes=3, seconds=45))

    def test_is_bounded_by_twenty_an_hour_of_a_name_from_an_address(self, compared: list[str]) -> None:
        self.an_hour("ada")

        assert 5 <= len(compared) <= 20

    def test_is_bounded_by_eighty_an_hour_from_an_address(self, compared: list[str]) -> None:
        self.an_hour(*[f"somebody {n}" for n in range(8)])

        assert 20 <= len(compared) <= 80

    def test_in_bursts_reaches_the_bounds_and_no_more(self, compared: list[str]) -> None:
        for _ in range(4):
            for n in range(8):
                guess(7, name=f"somebody {n}")
            age(timedelta(minutes=15, seconds=1))

        assert len(compared) == 80
        assert max(compared.count(name) for name in compared) == 20


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

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("198.51.100.1", "198.51.100.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("", None),
        ],
    )
    def test_is_counted_as_the_network_of_one_caller(self, address: str, network: str | None) -> None:
        assert network_of(RequestFactory().get("/", REMOTE_ADDR=address)) == network

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
