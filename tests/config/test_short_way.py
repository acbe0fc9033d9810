"""API requests go past what only pages need; pages keep every protection, and API answers keep theirs."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import OperationalError
from django.test import Client

from config.operations.logs import EventRecord, logging_document
from config.short_way import POLICY
from overrides.api.resolve import ResolveView
from tests.api_clients import client_of, faults

pytestmark = pytest.mark.django_db

MODES, RESOLVE, LOGIN, DOCS = "/api/v1/modes/", "/api/v1/levers/resolve/", "/admin/login/", "/api/v1/docs/"
NEVER_MET = (
    "csp.middleware.CSPMiddleware.__call__",
    "whitenoise.middleware.WhiteNoiseMiddleware.__call__",
    "django.contrib.sessions.middleware.SessionMiddleware.process_request",
    "django.middleware.csrf.CsrfViewMiddleware.process_view",
    "django.contrib.auth.middleware.AuthenticationMiddleware.process_request",
    "django.contrib.messages.middleware.MessageMiddleware.process_request",
    "axes.middleware.AxesMiddleware.__call__",
)


class TestApi:
    @pytest.mark.parametrize("address", [MODES, "/api/v1/nowhere/", "/api/", "/api/v1/schema/"])
    def test_meets_nothing_of_what_pages_need(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        def meet(*_: object) -> None:
            raise AssertionError("a request to the API came here")

        for name in NEVER_MET:
            monkeypatch.setattr(name, meet)

        assert client_of("read").get(address).status_code in (200, 404)

    @pytest.mark.parametrize("address", [MODES, "/api/v1/nowhere/"])
    def test_keeps_what_protects_its_answers(self, address: str) -> None:
        response = client_of("read").get(address)

        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == POLICY
        assert response["X-Frame-Options"] == "DENY"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert int(response["Content-Length"]) == len(response.content)
        assert len(response["X-Request-ID"]) == 32
        assert "Set-Cookie" not in response

    def test_knows_no_login(self, admin_client: Client) -> None:
        assert admin_client.get(MODES).status_code == 401

    @pytest.mark.parametrize("address", [MODES, RESOLVE])
    def test_is_served_over_https_alone_where_that_is_set(self, settings: Any, address: str) -> None:
        settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 60

        plain = Client().get(address)
        secure = client_of("read").get(address, secure=True)

        assert (plain.status_code, plain["Location"]) == (301, f"https://testserver{address}")
        assert secure["Strict-Transport-Security"].startswith("max-age=60")

    def test_refuses_a_host_that_is_not_its_own(self) -> None:
        response = client_of("read").get(MODES, HTTP_HOST="elsewhere.example")

        assert (response.status_code, faults(response)) == (400, [])

    def test_tells_of_an_unavailable_database_in_its_own_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: object) -> None:
            raise OperationalError("server closed the connection")

        monkeypatch.setattr(ResolveView, "dispatch", away)

        response = Client().post(RESOLVE, {}, content_type="application/json")

        assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
        assert response["Retry-After"] == "5"

    def test_remembers_no_address_that_has_arguments(self) -> None:
        api = client_of("read")

        found = [api.get(f"/api/v1/trades/{name}/").status_code for name in ("a", "b")]

        assert found == [404, 404]
        assert api.get("/api/v1/decisions/019ab000-0000-7000-8000-000000000000/").status_code == 404


class TestPages:
    @pytest.mark.parametrize("address", [LOGIN, DOCS, "/api/v1/docs"])
    def test_keep_their_policy(self, address: str) -> None:
        response = Client().get(address)

        assert response.status_code == 200
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert response["X-Frame-Options"] == "DENY"

    def test_keep_sessions_and_the_check_of_forms(self) -> None:
        browser = Client(enforce_csrf_checks=True)

        shown = browser.get(LOGIN)
        sent = browser.post(LOGIN, {"username": "a", "password": "b"})

        assert "csrftoken" in shown.cookies
        assert sent.status_code == 403

    def test_are_led_through_every_middleware_that_follows(self) -> None:
        following = configured.MIDDLEWARE[configured.MIDDLEWARE.index("config.short_way.ShortWay") + 1 :]

        assert len(following) == 9
        assert "django.middleware.clickjacking.XFrameOptionsMiddleware" in following


class TestLine:
    """The line of a request, which has a way of its own."""

    @pytest.mark.parametrize("address", [MODES, LOGIN])
    def test_names_the_caller_and_the_answer(self, caplog: pytest.LogCaptureFixture, address: str) -> None:
        api = client_of("read")
        with caplog.at_level(logging.INFO, "config.middleware"):
            response = api.get(address)

        (record,) = [each for each in caplog.records if isinstance(each, EventRecord)]
        line = json.loads(formatter(is_for_people=False).format(record))
        assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", address, 200)
        assert line["request_id"] == response["X-Request-ID"]
        assert (line["who"] or "").startswith("key:") is (address == MODES)
        assert (line["level"], line["logger"]) == ("info", "config.middleware")

    def test_is_readable_for_people(self) -> None:
        fields: dict[str, Any] = {"event": "request", "path": MODES, "level": "info", "timestamp": "T", "logger": "x"}

        words = formatter(is_for_people=True).format(EventRecord("x", logging.INFO, fields))

        assert "request" in words
        assert MODES in words
        assert not words.startswith("{")


def formatter(*, is_for_people: bool) -> logging.Formatter:
    options = dict(logging_document(is_for_people=is_for_people, level="INFO")["formatters"]["line"])
    made: logging.Formatter = options.pop("()")(**options)
    return made
