"""The pages of people and groups: one entry for each change, nobody deleted, and no name given twice."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from telemetry.models import AuditEntry, Notice
from tests.admin_pages import page
from tests.conftest import make_user
from tests.people import as_committed, make_person, settled

pytestmark = pytest.mark.django_db

USERS = "/admin/auth/user/"
GROUPS = "/admin/auth/group/"
PASSWORD = "quite another long password"


@pytest.fixture
def browser(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


@pytest.fixture
def ada() -> User:
    return make_person("ada", groups=("reviewer",), is_staff=True)


def address(person: User) -> str:
    return f"{USERS}{person.pk}/change/"


def form(person: User, **over: Any) -> dict[str, Any]:
    """Return the form of a person as sent without changes, except for the given fields."""
    fields = {"username": person.username, "first_name": "", "last_name": "", "email": ""}
    ticked = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(person, name)}
    groups = {"groups": [group.pk for group in person.groups.all()]}
    sent = fields | ticked | groups | over
    return {name: value for name, value in sent.items() if value is not None}


def send(browser: Client, where: str, data: dict[str, Any]) -> list[str]:
    """Send a form that is accepted; return the audit entries that the request wrote."""
    last = AuditEntry.objects.order_by("seq").values_list("seq", flat=True).last() or 0
    response = browser.post(where, data)
    assert response.status_code == 302, response.content.decode()
    as_committed()
    rows = AuditEntry.objects.filter(seq__gt=last).order_by("seq")
    return [f"{row.actor}: {row.action} {row.object}" for row in rows]


class TestFieldCase:
    def test_writes_one_entry_for_each_change_of_people(self, browser: Client, ada: User) -> None:
        """Take a role, deactivate, give a role, add a person, set a password for another, rename."""
        reviewer = Group.objects.get(name="reviewer").pk
        entries = [
            send(browser, address(ada), form(ada, groups=[])),
            send(browser, address(ada), form(ada, groups=[], is_active=None)),
            send(browser, address(ada), form(ada, groups=[reviewer])),
            send(browser, f"{USERS}add/", {"username": "new", "password1": PASSWORD, "password2": PASSWORD,
                                          "usable_password": "true"}),
            send(browser, f"{USERS}{ada.pk}/password/", {"password1": PASSWORD, "password2": PASSWORD,
                                                        "usable_password": "true", "set-password": "x"}),
            send(browser, address(ada), form(ada, username="lovelace")),
        ]  # fmt: skip

        assert entries == [
            ["admin: change rights person ada"],
            ["admin: deactivate person ada"],
            ["admin: change person ada"],
            ["admin: add person new"],
            ["admin: set password person ada"],
            ["admin: rename person lovelace"],
        ]


class TestPerson:
    def test_is_changed_with_the_reason_in_the_form(self, browser: Client, ada: User) -> None:
        send(browser, address(ada), form(ada, is_active=None, reason=" on leave until May "))

        content = json.loads(AuditEntry.objects.get().content)
        assert (content["reason"], content["after"]) == ("on leave until May", {"is_active": False})

    def test_is_not_changed_by_an_unchanged_form(self, browser: Client, ada: User) -> None:
        assert send(browser, address(ada), form(ada, reason="no reason")) == []

    def test_is_not_changed_by_a_form_that_is_refused(self, browser: Client, ada: User) -> None:
        response = browser.post(address(ada), form(ada, username="", is_active=None))

        assert "This field is required" in response.content.decode()
        ada.refresh_from_db()
        assert ada.is_active
        assert not AuditEntry.objects.exists()

    def test_links_to_its_audit_entries(self, browser: Client, ada: User) -> None:
        send(browser, address(ada), form(ada, is_active=None, reason="on leave"))

        text = page(browser, address(ada))

        (link,) = re.findall(r'href="(/admin/telemetry/auditentry/[?][^"]*)"', text)
        assert "on leave" in page(browser, html.unescape(link))
        assert "deletelink" not in text

    @pytest.mark.parametrize(
        ("where", "data"),
        [
            ("{pk}/delete/", {"post": "yes"}),
            ("", {"action": "delete_selected", "_selected_action": "{pk}", "post": "yes"}),
        ],
    )
    def test_is_never_deleted(self, browser: Client, ada: User, where: str, data: dict[str, str]) -> None:
        sent = {name: value.format(pk=ada.pk) for name, value in data.items()}

        browser.post(f"{USERS}{where.format(pk=ada.pk)}", sent)

        assert User.objects.filter(pk=ada.pk).exists()
        assert "delete_selected" not in page(browser, USERS)

    @pytest.mark.parametrize("name", ["ada", "ADA"])
    def test_does_not_get_a_name_that_another_had(self, browser: Client, ada: User, name: str) -> None:
        for former in ("other", "ada", "lovelace"):
            send(browser, address(ada), form(ada, username=former))
            ada.refresh_from_db()
        bob = make_person("bob", is_staff=True)
        added = {"username": name, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

        answers = [browser.post(address(bob), form(bob, username=name)), browser.post(f"{USERS}add/", added)]

        assert ["no name is given twice" in answer.content.decode() for answer in answers] == [True, True]
        bob.refresh_from_db()
        assert bob.username == "bob"
        assert not User.objects.filter(username__iexact=name).exists()

    def test_changes_the_own_password_in_one_entry(self, client: Client) -> None:
        person = make_person("bob", "overrides.review_changerequest", password="the first of them", is_staff=True)
        client.force_login(person)
        changed = {"old_password": "the first of them", "new_password1": PASSWORD, "new_password2": PASSWORD}

        assert client.get("/admin/password_change/").status_code == 200
        assert send(client, "/admin/password_change/", changed) == ["bob: change password person bob"]

        assert User.objects.get(pk=person.pk).check_password(PASSWORD)
        assert not Notice.objects.exists()

    def test_changes_no_password_with_a_wrong_one(self, client: Client) -> None:
        client.force_login(make_person("bob", password="the first of them", is_staff=True))
        changed = {"old_password": "a guess", "new_password1": PASSWORD, "new_password2": PASSWORD}

        assert (
            "Your old password was entered incorrectly"
            in client.post("/admin/password_change/", changed).content.decode()
        )
        assert not AuditEntry.objects.exists()


class TestGroup:
    def test_is_added_changed_and_removed_in_one_entry_each(self, browser: Client) -> None:
        look = Permission.objects.get(codename="view_line").pk
        entries = [send(browser, f"{GROUPS}add/", {"name": "desk", "permissions": [look]})]
        desk = Group.objects.get(name="desk")
        entries.append(
            send(browser, f"{GROUPS}{desk.pk}/change/", {"name": "desk", "permissions": [], "reason": "done"})
        )
        entries.append(send(browser, f"{GROUPS}{desk.pk}/change/", {"name": "board", "permissions": []}))
        entries.append(send(browser, f"{GROUPS}{desk.pk}/delete/", {"post": "yes"}))

        assert entries == [
            ["admin: add group desk"],
            ["admin: change rights group desk"],
            ["admin: rename group board"],
            ["admin: remove group board"],
        ]

    def test_is_removed_from_the_list_with_an_entry(self, browser: Client) -> None:
        with settled():
            rows = [Group.objects.create(name=name).pk for name in ("one", "two")]

        entries = send(browser, GROUPS, {"action": "delete_selected", "_selected_action": rows, "post": "yes"})

        assert entries == ["admin: remove group one", "admin: remove group two"]

    def test_lets_its_members_approve_with_a_notice(self, browser: Client) -> None:
        make_person("cy", groups=("desk",))
        desk, review = Group.objects.get(name="desk"), Permission.objects.get(codename="review_changerequest")

        entries = send(browser, f"{GROUPS}{desk.pk}/change/", {"name": "desk", "permissions": [review.pk]})

        assert entries == ["admin: change rights group desk"]
        assert Notice.objects.get().entry.object == "group desk"


class TestOthers:
    """People who are no administrators change nobody, whatever they send."""

    @pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "parameter admin"])
    def test_change_nobody(self, client: Client, ada: User, role: str) -> None:
        client.force_login(make_person("mallory", groups=(role,), is_staff=True))
        group = Group.objects.get(name="reviewer")
        tries = {
            address(ada): form(ada, is_superuser="on"),
            f"{USERS}{ada.pk}/password/": {"password1": PASSWORD, "password2": PASSWORD},
            f"{USERS}add/": {"username": "new", "password1": PASSWORD, "password2": PASSWORD},
            USERS: {"action": "delete_selected", "_selected_action": [ada.pk], "post": "yes"},
            f"{GROUPS}{group.pk}/change/": {"name": "reviewer", "permissions": []},
            f"{GROUPS}{group.pk}/delete/": {"post": "yes"},
            f"{GROUPS}add/": {"name": "new"},
            "/admin/access/apikey/add/": {"name": "bot", "role": "propose", "owner": ada.pk},
        }

        answers = {where: client.post(where, data).status_code for where, data in tries.items()}

        assert set(answers.values()) == {403}
        assert not AuditEntry.objects.exists()

    def test_see_people_without_changing_them_if_permitted(self, client: Client, ada: User) -> None:
        client.force_login(make_user("looks", "auth.view_user"))

        assert client.get(address(ada)).status_code == 200
        assert client.post(address(ada), form(ada, is_superuser="on")).status_code == 403
