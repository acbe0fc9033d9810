from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from config.access.keys import PERMISSIONS
from overrides.admin.requests.steps import STEPS
from overrides.models import Vote
from tests.api_clients import ROLES, bearer, faults, new_key
from tests.builders import draft, make_spec

pytestmark = pytest.mark.django_db

EVERY = frozenset(ROLES)
READERS = frozenset({"propose", "read"})
OWNERS = READERS | {"bot"}  # a bot sees its own rows
ANYBODY = EVERY | {"nobody"}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
OVERRIDE = "0" * 64
DECISION = "019ab000-0000-7000-8000-000000000000"

# Every endpoint by name: an address, and which roles may use which method. A missing method is open to nobody.
MATRIX: dict[str, tuple[str, dict[str, frozenset[str]]]] = {
    "trades": ("trades/", {"GET": OWNERS, "POST": frozenset({"record", "bot"})}),
    "trade": ("trades/t1/", {"GET": OWNERS}),
    "episodes": ("telemetry/episodes/", {"GET": OWNERS, "POST": frozenset({"record", "bot"})}),
    "episode": ("telemetry/episodes/e1/", {"GET": OWNERS}),
    "outcomes": ("outcomes/", {"GET": READERS}),
    "decisions": ("decisions/", {"GET": OWNERS, "POST": frozenset({"evaluate", "record", "bot"})}),
    "decision": (f"decisions/{DECISION}/", {"GET": OWNERS}),
    "resolve": ("levers/resolve/", {"POST": frozenset({"evaluate", "record", "bot"})}),
    "snapshot": ("snapshot/?module=pm", {"GET": frozenset({"evaluate", "record", "bot"})}),
    "overrides": ("overrides/", {"GET": READERS}),
    "override": (f"overrides/{OVERRIDE}/", {"GET": READERS}),
    "versions": ("versions/", {"GET": EVERY}),
    "active_version": ("versions/pm/active/", {"GET": EVERY}),
    "version": ("versions/pm/1/", {"GET": EVERY}),
    "requests": ("requests/", {"GET": READERS, "POST": frozenset({"propose"})}),
    "request": ("requests/1/", {"GET": READERS}),
    "request_lines": ("requests/1/lines/", {"GET": READERS}),
    "scorecards": ("scorecards/", {"GET": READERS}),
    "scorecard": (f"scorecards/{OVERRIDE}/", {"GET": READERS}),
    "dimensions_unknown": ("dimensions/unknown/", {"GET": READERS}),
    "earned": ("earned/", {"GET": READERS}),
    "explored_levers": ("explored-levers/", {"GET": READERS}),
    "weekly_reports_api": ("weekly-reports/", {"GET": READERS}),
    "weekly_report_api": ("weekly-reports/2026-W09/1/", {"GET": READERS}),
    "modes": ("modes/", {"GET": EVERY}),
    "cells": ("cells/", {"GET": READERS}),
    "coefficients": ("coefficients/", {"GET": READERS}),
    "lessons": ("lessons/", {"GET": READERS}),
    "health": ("health/", {"GET": EVERY}),
    "schema": ("schema/", {"GET": ANYBODY}),
    "docs": ("docs/", {"GET": ANYBODY}),
    "stream": ("stream/", {"GET": EVERY}),
    "evaluate_flags": ("/ofrep/v1/evaluate/flags", {"POST": frozenset({"evaluate", "record", "bot"})}),
    "evaluate_flag": ("/ofrep/v1/evaluate/flags/size_mult", {"POST": frozenset({"evaluate", "record", "bot"})}),
}
ELSEWHERE = ("stream",)  # another process serves it, as this one says to those whom it lets in
OPEN = ("schema", "docs")


def endpoints(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str | None, list[str]]]:
    """Return every view below /api/ and /ofrep/ by name, with the methods it handles."""
    for each in patterns:
        address = before + str(each.pattern).lstrip("^")
        if isinstance(each, URLResolver):
            yield from endpoints(each.url_patterns, address)
        elif address.startswith(("api", "ofrep")):
            view = each.callback.view_class  # type: ignore[attr-defined]  # every one is made by as_view()
            yield each.name, [method for method in METHODS if hasattr(view, method.lower())]


def exists(name: str, method: str) -> bool:
    """Return whether a method exists: DRF answers OPTIONS everywhere, and HEAD wherever there is GET."""
    return method == "OPTIONS" or ("GET" if method == "HEAD" else method) in MATRIX[name][1]


def may(who: str, name: str, method: str) -> bool:
    """Return whether a role may use a method; HEAD and OPTIONS need the permission of GET, or of the only method."""
    allowed = MATRIX[name][1]
    return who in allowed.get(method, allowed.get("GET", allowed.get("POST", frozenset())))


def key_of(who: str) -> str | None:
    match who:
        case "nobody":
            return None
        case "malformed":
            return "cw_"
        case "unknown":
            return new_key("record") + "x"
        case "expired":
            return new_key("record", expires_in=timedelta(seconds=-1))
        case "revoked":
            return new_key("record", is_revoked=True)
    return new_key(who)


def send_all(who: str, name: str) -> dict[str, Any]:
    """Return the response to each HTTP method."""
    api = bearer(key_of(who))
    return {method: api.generic(method, urljoin("/api/v1/", MATRIX[name][0])) for method in METHODS}


class TestMatrix:
    def test_has_a_row_for_every_endpoint_and_method(self) -> None:
        found = {name: methods for name, methods in endpoints(get_resolver().url_patterns) if name is not None}

        expected = {name: {*allowed, "OPTIONS"} for name, (_, allowed) in MATRIX.items()}
        assert {name: set(methods) for name, methods in found.items()} == expected

    @pytest.mark.parametrize("name", MATRIX)
    @pytest.mark.parametrize("role", ROLES)
    def test_lets_a_role_do_what_its_row_says_and_nothing_else(self, name: str, role: str) -> None:
        answers = send_all(role, name)

        for method, answer in answers.items():
            if not exists(name, method):
                assert (answer.status_code, faults(answer)) == (405, []), method
            elif may(role, name, method):
                is_elsewhere = name in ELSEWHERE and method != "OPTIONS"
                assert answer.status_code in ((503,) if is_elsewhere else (200, 400, 404)), method
            else:
                assert (answer.status_code, faults(answer)) == (403, []), method

    @pytest.mark.parametrize("name", [name for name in MATRIX if name not in OPEN])
    @pytest.mark.parametrize("who", ["nobody", "malformed", "unknown", "expired", "revoked"])
    def test_lets_nobody_else_in(self, name: str, who: str) -> None:
        answers = send_all(who, name)

        for method, answer in answers.items():
            assert faults(answer) == [], method
            if exists(name, method) or who != "nobody":
                assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer"), method
            else:
                assert answer.status_code == 405, method

    @pytest.mark.parametrize("name", OPEN)
    def test_asks_nobody_for_a_key_where_the_api_explains_itself(self, name: str) -> None:
        answers = send_all("nobody", name)

        assert {method: answer.status_code for method, answer in answers.items() if exists(name, method)} == {
            "GET": 200, "HEAD": 200, "OPTIONS": 200,
        }  # fmt: skip


class TestMessage:
    @pytest.mark.parametrize(
        ("role", "method", "path", "needed"),
        [
            ("record", "GET", "trades/", "bot or propose or read"),
            ("record", "GET", f"decisions/{DECISION}/", "bot or propose or read"),
            ("read", "POST", "trades/", "record or bot"),
            ("read", "POST", "levers/resolve/", "evaluate or record or bot"),
        ],
    )
    def test_names_the_roles_that_are_needed(self, role: str, method: str, path: str, needed: str) -> None:
        answer = bearer(new_key(role)).generic(method, f"/api/v1/{path}")

        assert answer.status_code == 403
        assert answer.json()["detail"] == f"this needs a key of the role {needed}; ask an administrator for one"


class TestNoKey:
    def test_has_a_permission_that_decides(self) -> None:
        granted = frozenset[str]().union(*PERMISSIONS.values())

        deciding = {each for each in granted if not each.partition(".")[2].startswith("view_")}
        drafting = {"overrides.add_changerequest", "overrides.propose_parameters"}
        assert deciding == {"overrides.resolve", "telemetry.add_trade", "telemetry.add_episode"} | drafting

    @pytest.mark.parametrize("role", ROLES)
    def test_opens_the_door_where_people_approve(self, role: str) -> None:
        request = draft(make_spec())
        browser = Client(headers={"authorization": f"Bearer {new_key(role)}"})

        answers = [
            browser.post(f"/admin/overrides/changerequest/{request.pk}/{step}/", {"reason": "it is good"})
            for step in STEPS
        ]

        assert {answer.status_code for answer in answers} == {302}
        assert all("/admin/login/" in answer["Location"] for answer in answers)
        request.refresh_from_db()
        assert (request.state, Vote.objects.exists()) == ("in_review", False)
