"""Changes of people inside a block: one audit entry for each person or group, with a notice if required."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, transaction
from django.test import Client

from config.access.people_audit import note_people_change, people_audited
from overrides.core.governance.permissions import REVIEW
from telemetry.models import AuditEntry, Notice
from tests.people import as_committed, make_person, settled

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_person("ada", password="the first password of ada")


def entries() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("seq").values_list("actor", "action", "object"))


def last_change() -> tuple[Any, Any]:
    """Return `before` and `after` of the newest entry."""
    content = json.loads(AuditEntry.objects.latest("seq").content)
    return content["before"], content["after"]


def review_permission() -> Permission:
    return Permission.objects.get(codename="review_changerequest")


class TestBlock:
    def test_writes_one_entry_for_many_writes_to_one_person(self, ada: User, now: datetime) -> None:
        with people_audited(actor="root", at=now, reason="on leave"):
            ada.is_active = False
            ada.save()
            ada.groups.set([Group.objects.get(name="viewer")])
            ada.user_permissions.add(Permission.objects.get(codename="view_line"))
        as_committed()

        assert entries() == [("root", "change", "person ada")]
        assert last_change() == (
            {"is_active": True, "groups": [], "permissions": []},
            {"is_active": False, "groups": ["viewer"], "permissions": ["overrides.view_line"]},
        )
        assert json.loads(AuditEntry.objects.get().content)["reason"] == "on leave"

    @pytest.mark.parametrize(
        ("change", "action", "before", "after"),
        [
            ({"username": "lovelace"}, "rename", {"name": "ada"}, {"name": "lovelace"}),
            ({"is_active": False}, "deactivate", {"is_active": True}, {"is_active": False}),
            ({"is_staff": True}, "change rights", {"is_staff": False}, {"is_staff": True}),
            ({"email": "a@b.c"}, "change", {"email": ""}, {"email": "a@b.c"}),
        ],
    )
    def test_names_what_was_done(
        self, ada: User, now: datetime, change: dict[str, Any], action: str, before: Any, after: Any
    ) -> None:
        with people_audited(actor="root", at=now):
            for field, value in change.items():
                setattr(ada, field, value)
            ada.save()
        as_committed()

        name = change.get("username", "ada")
        assert entries() == [("root", action, f"person {name}")]
        assert last_change() == (before, after)

    @pytest.mark.parametrize(("actor", "action"), [("ada", "change password"), ("root", "set password")])
    def test_states_of_a_password_only_that_it_is_new(self, ada: User, now: datetime, actor: str, action: str) -> None:
        stored = [ada.password]
        with people_audited(actor=actor, at=now):
            ada.set_password("the second password of ada")
            ada.save()
        as_committed()

        assert entries() == [(actor, action, "person ada")]
        assert last_change() == ({"password": "set"}, {"password": "set"})
        stored.append(User.objects.get(username="ada").password)
        assert not any(secret in AuditEntry.objects.get().content for secret in (*stored, "second password"))

    def test_states_that_somebody_has_no_password_any_more(self, ada: User, now: datetime) -> None:
        with people_audited(actor="root", at=now):
            ada.set_unusable_password()
            ada.save()

        assert last_change() == ({"password": "set"}, {"password": "none"})

    def test_writes_nothing_where_nothing_differs(self, ada: User, now: datetime) -> None:
        with people_audited(actor="root", at=now):
            ada.save()
            ada.groups.set([])
            note_people_change()
        as_committed()

        assert entries() == []

    def test_does_nothing_for_a_login(self, ada: User, now: datetime, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(3), people_audited(actor="ada", at=now):  # two of them are its savepoint
            ada.last_login = now
            ada.save(update_fields=["last_login"])

    def test_rolls_everything_back_on_an_error(self, ada: User, now: datetime) -> None:
        def fail() -> None:
            with people_audited(actor="root", at=now):
                ada.is_active = False
                ada.save()
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()

        ada.refresh_from_db()
        assert ada.is_active
        assert entries() == []

    def test_leaves_its_entries_to_an_outer_block(self, ada: User, now: datetime) -> None:
        with people_audited(actor="root", at=now):
            with people_audited(actor="somebody else", at=now):
                ada.is_active = False
                ada.save()
            ada.is_staff = True
            ada.save()

        assert entries() == [("root", "change", "person ada")]

    def test_covers_writes_without_signals_that_are_noted(self, ada: User, now: datetime) -> None:
        with people_audited(actor="root", at=now):
            note_people_change()
            User.objects.filter(pk=ada.pk).update(is_active=False)
        as_committed()

        assert entries() == [("root", "deactivate", "person ada")]

    @pytest.mark.parametrize("is_inside", [True, False])
    def test_is_needed_by_every_write(self, ada: User, now: datetime, is_inside: bool) -> None:
        def write() -> None:
            block = people_audited(actor="root", at=now) if is_inside else nullcontext()
            with transaction.atomic(), block:
                User.objects.filter(pk=ada.pk).update(is_active=False)  # sends no signal
                as_committed()

        with pytest.raises(IntegrityError, match='change of "person ada" without an audit entry'):
            write()


class TestGroups:
    def test_are_removed_with_an_entry_for_each_member(self, now: datetime) -> None:
        make_person("cy", groups=("desk",))

        with people_audited(actor="root", at=now):
            Group.objects.get(name="desk").delete()
        as_committed()

        assert entries() == [("root", "remove", "group desk"), ("root", "change rights", "person cy")]
        assert last_change() == ({"groups": ["desk"]}, {"groups": []})

    def test_are_renamed_with_an_entry_for_each_member(self, now: datetime) -> None:
        make_person("cy", groups=("desk",))

        with people_audited(actor="root", at=now):
            desk = Group.objects.get(name="desk")
            desk.name = "board"
            desk.save()
        as_committed()

        assert entries() == [("root", "rename", "group board"), ("root", "change rights", "person cy")]
        assert not Notice.objects.exists()


class TestNotices:
    """Whatever lets somebody approve is shown to those who approve."""

    def noticed(self) -> list[str]:
        return list(Notice.objects.order_by("entry_id").values_list("entry__object", flat=True))

    @pytest.mark.parametrize("way", ["group", "permission", "rank", "activity", "addition"])
    def test_are_written_for_a_right_to_approve(self, ada: User, now: datetime, way: str) -> None:
        make_person("eve", REVIEW, is_active=False)
        with people_audited(actor="root", at=now):
            if way == "group":
                ada.groups.add(Group.objects.get(name="reviewer"))
            elif way == "permission":
                ada.user_permissions.add(review_permission())
            elif way == "rank":
                ada.is_superuser = True
                ada.save()
            elif way == "activity":
                eve = User.objects.get(username="eve")
                eve.is_active = True
                eve.save()
            else:
                User.objects.create_superuser("new")
        as_committed()

        assert self.noticed() == [{"activity": "person eve", "addition": "person new"}.get(way, "person ada")]

    def test_are_written_for_a_group_whose_members_may_approve_by_it(self, now: datetime) -> None:
        make_person("cy", groups=("desk",))
        make_person("di", groups=("away",), is_active=False)

        for name in ("desk", "away"):
            with people_audited(actor="root", at=now):
                Group.objects.get(name=name).permissions.add(review_permission())
        as_committed()

        assert self.noticed() == ["group desk"]

    @pytest.mark.parametrize(("actor", "n"), [("root", 1), ("bob", 0)])
    def test_are_written_for_a_password_that_another_person_sets(self, now: datetime, actor: str, n: int) -> None:
        bob = make_person("bob", REVIEW)

        with people_audited(actor=actor, at=now):
            bob.set_password("the second password of bob")
            bob.save()
        as_committed()

        assert self.noticed() == ["person bob"] * n

    def test_are_not_written_for_other_changes(self, ada: User, now: datetime) -> None:
        with people_audited(actor="root", at=now):
            ada.groups.add(Group.objects.get(name="operator"))
            ada.set_password("another one")
            ada.save()
        as_committed()

        assert self.noticed() == []


class TestLogin:
    """Django upgrades a weak stored hash at a login, which changes the password column."""

    PASSWORD = "a long and right password"

    @pytest.fixture
    def log_in(self, settings: Any) -> Client:
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
        return Client()

    def test_upgrades_a_hash_with_one_entry(self, log_in: Client) -> None:
        make_person("bob", "overrides.review_changerequest", is_staff=True)
        with settled():
            User.objects.filter(username="bob").update(password=make_password(self.PASSWORD, hasher="md5"))

        for _ in range(2):
            log_in.post("/admin/login/", {"username": "bob", "password": self.PASSWORD})
        as_committed()

        assert User.objects.get(username="bob").password.startswith("pbkdf2_sha1$")
        assert entries() == [("bob", "upgrade hash", "person bob")]
        assert not Notice.objects.exists()

    def test_writes_no_entry_otherwise(self, log_in: Client) -> None:
        make_person("bob", password=self.PASSWORD, is_staff=True)

        response = log_in.post("/admin/login/?next=/admin/", {"username": "bob", "password": self.PASSWORD})
        as_committed()

        assert response.status_code == 302
        assert User.objects.get(username="bob").last_login is not None
        assert entries() == []
