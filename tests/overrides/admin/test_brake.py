"""What goes towards neutral stays in reach: by a second click, beside a flood of requests and beside a poisoned row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.access.api import throttle
from config.access.api.rate_counters import RateCounters
from overrides.core.governance.errors import GateError, PublishError
from overrides.models import ChangeRequest, Comment, LineHold, Membership, ModuleMode, Quarantine, Version
from overrides.versions.publish import LAST_NUMBER
from telemetry.models import AuditEntry
from tests.admin_pages import browser_of
from tests.api_clients import client_of
from tests.builders import approve_and_apply, draft, make_spec, publish, set_mode, without_triggers

pytestmark = pytest.mark.django_db

PM = "/admin/overrides/modulemode/pm"
EVERYTHING_OFF = "/admin/overrides/modulemode/everything-off/"
LINE = make_spec().line
NOW_SERVES = {
    "shadow": "in shadow mode: it serves neutral levers and logs its answers.",
    "off": "off and serves neutral levers.",
}
HALT = {"reason": "halt"}


@pytest.fixture
def browser(operator: User) -> Client:
    return browser_of(operator)


def written() -> tuple[int, ...]:
    """How many rows there are that a click may leave."""
    return tuple(model.objects.count() for model in (ChangeRequest, AuditEntry, Comment, LineHold, Quarantine, Version))


def clicked_twice(browser: Client, url: str, fields: dict[str, Any]) -> tuple[str, str]:
    """Post a form, and once more; return both answers. The second post writes nothing."""
    first = browser.post(url, fields, follow=True)
    before = written()
    second = browser.post(url, fields, follow=True)

    assert (first.status_code, second.status_code) == (200, 200)
    assert written() == before
    return first.content.decode(), second.content.decode()


class TestSecondClick:
    @pytest.mark.parametrize("to", ["shadow", "off"])
    def test_on_a_mode_is_no_change_and_gets_the_same_answer(self, to: str, browser: Client) -> None:
        set_mode("on")

        answers = clicked_twice(browser, f"{PM}/lower/", {"to": to, "reason": "odd fills"})

        for each in answers:
            assert f"Module pm is {NOW_SERVES[to]}" in each
        assert ModuleMode.objects.get(module="pm").revision == 2
        assert ChangeRequest.objects.filter(route="at_once").count() == 1

    def test_on_a_mode_that_nobody_set_makes_no_row(self, browser: Client) -> None:
        clicked_twice(browser, f"{PM}/lower/", {"to": "off", "reason": "odd fills"})

        assert not ModuleMode.objects.exists()
        assert not ChangeRequest.objects.exists()

    def test_on_a_smaller_roll_out_is_refused_as_no_smaller_one(self, browser: Client) -> None:
        set_mode("on")

        _, second = clicked_twice(browser, f"{PM}/fewer/", {"rollout_percent": "5", "reason": "odd fills"})

        assert "5 % is not below it" in second
        assert ModuleMode.objects.get(module="pm").revision == 2

    def test_on_everything_off_finds_everything_off(self, browser: Client) -> None:
        set_mode("on")

        first, second = clicked_twice(browser, EVERYTHING_OFF, HALT)

        assert "Off within a second: pm" in first
        assert "Every module was off already" in second

    def test_on_a_comment_leaves_one(self, browser: Client, author: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))
        url = f"/admin/overrides/changerequest/{request.pk}/comment/"

        clicked_twice(browser, url, {"reason": "why now?"})
        browser.post(url, {"reason": "why today?"})
        browser.post(url, {"reason": "why now?"})

        assert list(request.comments.order_by("pk").values_list("text", flat=True)) == [
            "why now?", "why today?", "why now?",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("url", "refusal"),
        [
            (f"/admin/overrides/line/{LINE}/veto/", "a veto stands on it already"),
            (f"{PM}/quarantine/", "is in quarantine already"),
        ],
    )
    def test_on_a_veto_or_a_quarantine_is_refused(self, url: str, refusal: str, browser: Client) -> None:
        publish(make_spec())

        _, second = clicked_twice(browser, url, HALT)

        assert refusal in second


class TestFlood:
    def test_of_requests_with_a_key_leaves_everything_off_in_reach(
        self, browser: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(throttle, "RATE_COUNTERS", RateCounters())
        settings.API_REQUESTS_PER_MINUTE = dict.fromkeys(settings.API_REQUESTS_PER_MINUTE, 3)
        set_mode("on")
        api = client_of("read")
        assert 429 in [api.get("/api/v1/modes/").status_code for _ in range(9)]

        response = browser.post(EVERYTHING_OFF, HALT)

        assert response.status_code == 302
        assert ModuleMode.objects.get(module="pm").mode == "off"

    def test_of_open_requests_by_one_author_leaves_every_brake_in_reach(
        self, operator: User, browser: Client, settings: Any
    ) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 1
        publish(make_spec())
        set_mode("on")
        draft(kind="mode", content={"mode": "shadow"}, author=operator, at=datetime.now(UTC))
        with pytest.raises(GateError, match="operator has 1 open requests"):
            draft(kind="mode", content={"mode": "shadow"}, author=operator, at=datetime.now(UTC))

        browser.post(f"/admin/overrides/line/{LINE}/veto/", HALT)
        browser.post(EVERYTHING_OFF, HALT)

        assert ModuleMode.objects.get(module="pm").mode == "off"
        assert not Membership.objects.filter(line=LINE, to_version=None).exists()


class TestPoisonedNumber:
    """A version, or a policy, with the last number there can be, as only the owner of the database can write one."""

    @pytest.fixture(autouse=True)
    def poisoned(self) -> None:
        version = publish(make_spec())
        set_mode("on")
        version.pk, version.number, version.is_active = None, LAST_NUMBER, False
        version.request = draft(kind="mode", content={"mode": "shadow"})
        with without_triggers():
            version.save(force_insert=True)

    @pytest.mark.parametrize("what", ["retire", "veto"])
    def test_refuses_what_needs_a_version_by_name_with_the_way_out(self, what: str, browser: Client) -> None:
        override = Membership.objects.get(line=LINE).override_id
        url = f"/admin/overrides/override/{override}/retire/" if what == "retire" else (
            f"/admin/overrides/line/{LINE}/veto/"
        )  # fmt: skip

        response = browser.post(url, HALT | {"decide": "1"})

        text = response.content.decode()
        assert response.status_code == 200
        assert f"a version of pm has the number {LAST_NUMBER}, the last there can be" in text
        assert "switch everything off, which needs no number" in text
        assert not LineHold.objects.exists()

    def test_leaves_everything_off_in_reach(self, browser: Client) -> None:
        assert browser.post(EVERYTHING_OFF, HALT).status_code == 302

        assert ModuleMode.objects.get(module="pm").mode == "off"

    def test_refuses_a_trial_by_name(self) -> None:
        asked = draft(kind="trial", content=Version.objects.get(is_active=True).parameters.document)

        with pytest.raises(PublishError, match="the last there can be"):
            approve_and_apply(asked)
