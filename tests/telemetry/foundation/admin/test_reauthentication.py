"""Pages that raise risk ask for the password if the last proof is old; pages that lower it never do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Permission, User
from django.test import Client

from overrides.models import ChangeRequest, ModuleMode, Version
from telemetry.foundation.admin.reauthentication import PROVEN_AT
from tests.builders import draft, make_spec, set_mode
from tests.people import make_person, settled

RIGHT = "a long and right password"
OLD = 900  # seconds after which a proof is old
LATER = OLD + 60

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(reviewer: User) -> Client:
    with settled():
        reviewer.set_password(RIGHT)
        reviewer.save()
        reviewer.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
        reviewer.user_permissions.add(Permission.objects.get(codename="lower_modulemode"))
    client = Client()
    client.post("/admin/login/", {"username": "reviewer", "password": RIGHT})
    return client


@pytest.fixture
def drafted(author: User) -> ChangeRequest:
    return draft(make_spec(), author=author, at=datetime.now(UTC))


def let_pass(client: Client, seconds: float) -> None:
    """Make the session's proof this much older."""
    session = client.session
    session[PROVEN_AT] -= seconds
    session.save()


def take(client: Client, request: ChangeRequest, step: str, **form: str) -> Any:
    return client.post(f"/admin/overrides/changerequest/{request.pk}/{step}/", {"seen": request.content_hash} | form)


def state(request: ChangeRequest) -> str:
    request.refresh_from_db()
    return request.state


class TestProof:
    def test_is_not_requested_soon_after_the_login(self, browser: Client, drafted: ChangeRequest) -> None:
        let_pass(browser, OLD - 60)

        page = browser.get(f"/admin/overrides/changerequest/{drafted.pk}/approve/").content.decode()
        take(browser, drafted, "approve")

        assert 'name="password"' not in page
        assert state(drafted) == "approved"

    def test_is_requested_by_the_page_once_it_is_old(self, browser: Client, drafted: ChangeRequest) -> None:
        let_pass(browser, LATER)

        page = browser.get(f"/admin/overrides/changerequest/{drafted.pk}/approve/").content.decode()

        assert '<label for="id_password">Your password</label>' in page
        assert 'autocomplete="current-password" aria-describedby="id_password_why" required' in page

    @pytest.mark.parametrize(
        ("form", "message", "failures"),
        [({}, "Type your password as well", 0), ({"password": "wrong"}, "This is not your password", 1)],
    )
    def test_that_is_missing_or_wrong_does_nothing_and_keeps_what_was_typed(
        self, browser: Client, drafted: ChangeRequest, form: dict[str, str], message: str, failures: int
    ) -> None:
        let_pass(browser, LATER)

        response = take(browser, drafted, "approve", reason="sound <evidence>", **form)

        text = response.content.decode()
        assert message in text
        assert "sound &lt;evidence&gt;</textarea>" in text
        assert (state(drafted), drafted.votes.count()) == ("in_review", 0)
        assert sum(AccessAttempt.objects.values_list("failures_since_start", flat=True)) == failures

    def test_lets_the_step_be_taken_and_is_remembered(self, browser: Client, drafted: ChangeRequest) -> None:
        let_pass(browser, LATER)

        take(browser, drafted, "approve", password=RIGHT, reason="sound")
        take(browser, drafted, "apply")

        assert state(drafted) == "applied"
        assert drafted.votes.get().reason == "sound"
        assert Version.objects.get().published_by == "reviewer"

    def test_is_needed_to_apply_too(self, browser: Client, drafted: ChangeRequest) -> None:
        take(browser, drafted, "approve")
        let_pass(browser, LATER)

        take(browser, drafted, "apply")

        assert state(drafted) == "approved"
        assert not Version.objects.exists()

    def test_is_needed_where_none_was_ever_noted(self, browser: Client, drafted: ChangeRequest) -> None:
        session = browser.session
        del session[PROVEN_AT]
        session.save()

        take(browser, drafted, "approve")

        assert state(drafted) == "in_review"

    def test_of_somebody_else_is_none(self, browser: Client, drafted: ChangeRequest) -> None:
        make_person("eve", password="the password of somebody else")
        let_pass(browser, LATER)

        take(browser, drafted, "approve", username="eve", password="the password of somebody else")

        assert state(drafted) == "in_review"

    def test_guessed_at_locks_like_a_login(self, browser: Client, drafted: ChangeRequest) -> None:
        let_pass(browser, LATER)

        statuses = [take(browser, drafted, "approve", password=f"guess {n}").status_code for n in range(5)]
        right = take(browser, drafted, "approve", password=RIGHT)

        assert statuses == [200, 200, 200, 200, 429]
        assert (right.status_code, state(drafted)) == (429, "in_review")
        assert Client().post("/admin/login/", {"username": "reviewer", "password": RIGHT}).status_code == 429

    def test_is_never_requested_for_lowering_risk(self, browser: Client, drafted: ChangeRequest) -> None:
        set_mode("on")
        let_pass(browser, LATER)

        browser.post("/admin/overrides/modulemode/pm/lower/", {"to": "off", "reason": "odd fills"})
        page = browser.get(f"/admin/overrides/changerequest/{drafted.pk}/reject/").content.decode()
        take(browser, drafted, "reject", reason="too few trades")

        assert ModuleMode.objects.get(module="pm").mode == "off"
        assert 'name="password"' not in page
        assert state(drafted) == "rejected"
