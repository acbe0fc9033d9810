"""An approval counts while its giver may give it: the people change between a vote and the moment it is relied on.

Everything is done as in production: by the admin's pages, by the job that publishes what is due, and by SQL as the
role that processes have. Each test commits, so that every check of the database runs where it would.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection
from django.test import Client

from overrides.models import ChangeRequest, Mandate, Version, Vote
from overrides.requests import apply
from overrides.requests.gates import read_situation
from overrides.tasks import publish_due_task
from telemetry.audit.audit_log import MACHINE, verify_audit, write_audit
from telemetry.models import AuditEntry, Notice
from tests.admin_pages import page
from tests.builders import approve_and_apply, draft, make_spec, publish
from tests.bypass.world import undone
from tests.people import make_person

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS, USERS = "/admin/overrides/changerequest/", "/admin/auth/user/"
LATER = timedelta(minutes=2)
APPLY_BY_HAND = """
UPDATE overrides_changerequest SET state = 'applied', closed_at = now() WHERE id = {request};
UPDATE learning_configs SET is_active = false WHERE module = 'pm' AND number = 1;
INSERT INTO learning_configs (module, number, is_active, kind, parameters_id, coefficients, n_overrides, content_hash,
    request_id, published_at, published_by, transaction, epoch)
SELECT 'pm', 2, true, 'lines', parameters_id, coefficients, 2, 'h', {request}, now(), 'mallory', 0, 0
FROM learning_configs WHERE module = 'pm' AND number = 1;
"""


class Desk:
    """Reviewers a and b, an administrator, a version in force, and a request of lines in review."""

    def __init__(self) -> None:
        self.a, self.b = (make_person(name, groups=("reviewer",), is_staff=True) for name in "ab")
        self.admin = make_person("root", is_staff=True, is_superuser=True)
        now = datetime.now(UTC)
        publish(make_spec(), at=now)
        self.request = draft(make_spec(scope={"macro_phase": "Dip"}), author=make_person("author"), at=now)

    @property
    def state(self) -> str:
        self.request.refresh_from_db()
        return self.request.state

    def step(self, by: User, name: str, **sent: str) -> str:
        """Press a button of the request's page; return the page that follows."""
        sent = {"seen": self.request.content_hash} | sent
        response = logged_in(by).post(f"{REQUESTS}{self.request.pk}/{name}/", sent, follow=True)
        return response.content.decode()

    def approve_and_schedule(self) -> None:
        self.step(self.a, "approve")
        self.step(self.a, "schedule", due=(datetime.now(UTC) + LATER).isoformat())
        assert self.state == "scheduled"

    def change_person(self, name: str, **over: Any) -> list[str]:
        """Send the administrator's form about a person; return the audit entries that it wrote."""
        person = User.objects.get(username=name)
        form = {"username": name, "first_name": "", "last_name": "", "email": "", "is_staff": "on"}
        form |= {"is_active": "on", "groups": [group.pk for group in person.groups.all()]} | over
        last = AuditEntry.objects.latest("seq").seq
        sent = {field: value for field, value in form.items() if value is not None}
        response = logged_in(self.admin).post(f"{USERS}{person.pk}/change/", sent)
        assert response.status_code == 302, response.content.decode()
        return entries_after(last)

    def page(self) -> str:
        return page(logged_in(self.b), f"{REQUESTS}{self.request.pk}/change/")


def logged_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def entries_after(seq: int) -> list[str]:
    rows = AuditEntry.objects.filter(seq__gt=seq).order_by("seq")
    contents = [json.loads(row.content) for row in rows]
    return [f"{each['actor']}: {each['action']} {each['object']}" for each in contents]


def due() -> None:
    """Run the job that publishes what is due, some time after the request is."""
    publish_due_task(now=(datetime.now(UTC) + 2 * LATER).isoformat())


def demote(desk: Desk) -> list[str]:
    return desk.change_person("a", groups=[])


def deactivate(desk: Desk) -> list[str]:
    return desk.change_person("a", is_active=None)


GONE = pytest.mark.parametrize(
    ("leave", "word", "entry"),
    [
        pytest.param(demote, "demoted", "root: change rights person a", id="a: demoted"),
        pytest.param(deactivate, "deactivated", "root: deactivate person a", id="b: deactivated"),
    ],
)
Leave = Callable[[Desk], list[str]]


@GONE
class TestScheduledRequestOfAnApproverGone:
    def test_fails_at_its_time_with_the_reason(self, leave: Leave, word: str, entry: str) -> None:
        desk = Desk()
        desk.approve_and_schedule()

        assert leave(desk) == [entry]
        last = AuditEntry.objects.latest("seq").seq
        due()

        assert desk.state == "failed"
        assert "0 of 1 approvals" in desk.request.failure
        assert f"a: {word}" in desk.request.failure
        assert Version.objects.count() == 1
        assert entries_after(last) == [f"{MACHINE}: fail request {desk.request.pk}"]
        assert verify_audit() == []

    def test_is_shown_with_the_gate_and_the_reason_beside_the_vote(self, leave: Leave, word: str, entry: str) -> None:
        desk = Desk()
        desk.approve_and_schedule()
        assert "<td>yes</td>" in desk.page()

        leave(desk)
        text = desk.page()

        assert f"it has 0 of 1 approvals of this content (a: {word})" in text
        assert f'<td>no:&nbsp;<span class="cw-badge cw-warn">{word}</span></td>' in text
        assert "<td>yes</td>" not in text

    def test_is_refused_by_the_database_whatever_the_code_did(
        self, leave: Leave, word: str, entry: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk = Desk()
        desk.approve_and_schedule()
        leave(desk)
        monkeypatch.setattr(apply, "refuse_blocked", lambda request, step, by, at: read_situation(request, at))

        with pytest.raises(IntegrityError, match="has 0 of 1 approvals of its content"), undone("application"):
            apply.apply_request(request_id=desk.request.pk, by=None, at=datetime.now(UTC))

    def test_is_refused_to_the_application_role(self, leave: Leave, word: str, entry: str) -> None:
        desk = Desk()
        desk.approve_and_schedule()
        leave(desk)

        with pytest.raises(IntegrityError, match="has 0 of 1 approvals of its content"), undone("application"):
            forge(desk.request)

    def test_is_applied_if_the_giver_is_back_in_time(self, leave: Leave, word: str, entry: str) -> None:
        desk = Desk()
        desk.approve_and_schedule()
        leave(desk)

        (given,) = desk.change_person("a", groups=[Group.objects.get(name="reviewer").pk])
        due()

        assert given == ("root: change rights person a" if word == "demoted" else "root: activate person a")
        assert desk.state == "applied"
        assert Version.objects.count() == 2


class TestRequestAppliedByHand:
    def test_needs_another_approval_once_the_approver_is_deactivated(self) -> None:
        """Variant c: a approved, b applies."""
        desk = Desk()
        desk.step(desk.a, "approve")
        deactivate(desk)

        refusal = desk.step(desk.b, "apply")

        assert "0 of 1 approvals" in refusal
        assert "a: deactivated" in refusal
        assert (desk.state, Version.objects.count()) == ("approved", 1)

        desk.step(desk.b, "approve")
        done = desk.step(desk.b, "apply")

        assert "is applied and in force" in done
        assert (desk.state, Version.objects.count()) == ("applied", 2)
        assert [each.voter.username for each in Vote.objects.filter(request=desk.request)] == ["a", "b"]

    def test_shows_after_a_second_approval_which_vote_counts(self) -> None:
        desk = Desk()
        desk.step(desk.a, "approve")
        deactivate(desk)
        desk.step(desk.b, "approve")

        text = desk.page()

        assert text.count("<td>yes</td>") == 1
        assert text.count('<td>no:&nbsp;<span class="cw-badge cw-warn">deactivated</span></td>') == 1
        assert "Blockers" not in text


@GONE
def test_a_policy_that_names_the_group_counts_no_vote_of_an_approver_gone(leave: Leave, word: str, entry: str) -> None:
    desk = Desk()
    approve_and_apply(
        draft(kind="policy", content={"groups": ["reviewer"]}, at=datetime.now(UTC)), at=datetime.now(UTC)
    )
    desk.approve_and_schedule()

    leave(desk)
    assert f"(a: {word})" in desk.page()
    with pytest.raises(IntegrityError, match="has 0 of 1 approvals of its content"), undone("application"):
        forge(desk.request)
    due()

    assert (desk.state, Version.objects.count()) == ("failed", 1)


def test_a_policy_that_names_the_group_counts_no_vote_of_another_reviewer() -> None:
    """A reviewer who keeps the right by another group is no member of the one that the policy names."""
    desk = Desk()
    now = datetime.now(UTC)
    approve_and_apply(draft(kind="policy", content={"groups": ["reviewer"]}, at=now), at=now)
    desk.approve_and_schedule()
    other = make_person("c", "overrides.review_changerequest", groups=("desk",)).user_permissions.get()

    desk.change_person("a", groups=[], user_permissions=[other.pk])
    due()

    assert desk.state == "failed"
    assert "a: of no group whose votes count" in desk.request.failure


class TestTrailOfPeople:
    def test_has_one_entry_for_each_change(self) -> None:
        """The role taken and given, deactivated, a person added, a password set by another, a name changed."""
        desk = Desk()
        last = AuditEntry.objects.latest("seq").seq
        administrator = logged_in(desk.admin)
        password = {"password1": "quite another long one", "password2": "quite another long one"}

        demote(desk)
        desk.change_person("a", groups=[Group.objects.get(name="reviewer").pk])
        deactivate(desk)
        administrator.post(f"{USERS}add/", {"username": "new", "usable_password": "true"} | password)
        administrator.post(f"{USERS}{desk.b.pk}/password/", {"usable_password": "true", "set-password": "x"} | password)
        desk.change_person("b", username="bea")

        assert entries_after(last) == [
            "root: change rights person a",
            "root: change rights person a",
            "root: deactivate person a",
            "root: add person new",
            "root: set password person b",
            "root: rename person bea",
        ]
        seen_by_approvers = [json.loads(each.entry.content)["object"] for each in Notice.objects.order_by("pk")]
        assert seen_by_approvers == ["person a", "person b"]  # the role given, and a new password of one who approves
        assert verify_audit() == []


class TestUnchanged:
    def test_a_second_click_on_approve_gives_one_vote(self) -> None:
        desk = Desk()
        desk.step(desk.a, "approve")
        desk.step(desk.a, "approve")

        assert Vote.objects.filter(request=desk.request).count() == 1

    def test_the_session_of_a_deactivated_person_ends_at_once(self) -> None:
        desk = Desk()
        browser = logged_in(desk.a)
        assert browser.get(REQUESTS).status_code == 200

        deactivate(desk)

        assert browser.get(REQUESTS)["Location"].startswith("/admin/login/")

    def test_a_person_with_votes_cannot_be_deleted(self) -> None:
        desk = Desk()
        desk.step(desk.a, "approve")

        response = logged_in(desk.admin).post(f"{USERS}{desk.a.pk}/delete/", {"post": "yes"})

        assert response.status_code == 403
        assert User.objects.filter(username="a").exists()


def test_mandates_of_an_approver_gone_are_not_signed_by_it() -> None:
    """Nothing is applied, so nothing new lets the builder publish either."""
    desk = Desk()
    desk.approve_and_schedule()
    deactivate(desk)
    before = Mandate.objects.count()

    due()

    assert Mandate.objects.count() == before


def forge(request: ChangeRequest) -> None:
    """Write by SQL what applying the request would write, with the audit entries that it would have."""
    now = datetime.now(UTC)
    for named in (f"request {request.pk}", "version pm/2"):
        write_audit(actor="mallory", action="apply", object=named, reason="x", before=None, after=None, at=now)
    with connection.cursor() as cursor:
        cursor.execute(APPLY_BY_HAND.format(request=request.pk))
