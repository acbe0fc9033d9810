"""The commands that change people write one audit entry each, with the command as the actor."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from config.access.people_audit import people_audited
from telemetry.models import AuditEntry, Notice
from tests.builders import NOW
from tests.people import as_committed, make_person

pytestmark = pytest.mark.django_db


def entry() -> tuple[str, str, str]:
    as_committed()
    row = AuditEntry.objects.get()
    return row.actor, row.action, row.object


class TestCreatesuperuser:
    def create(self, name: str) -> None:
        call_command("createsuperuser", username=name, email="", interactive=False, stdout=io.StringIO())

    def test_writes_one_entry_and_a_notice(self) -> None:
        self.create("root")

        assert entry() == ("command createsuperuser", "add", "person root")
        assert json.loads(AuditEntry.objects.get().content)["after"]["is_superuser"] is True
        assert Notice.objects.get().entry.object == "person root"

    @pytest.mark.parametrize("name", ["ada", "ADA"])
    def test_refuses_a_name_that_somebody_had(self, name: str) -> None:
        with people_audited(actor="root", at=NOW):
            person = User.objects.create_user("ada")
        as_committed()
        with people_audited(actor="root", at=NOW):
            person.username = "lovelace"
            person.save()
        as_committed()

        with pytest.raises(CommandError, match="no name is given twice"):
            self.create(name)
        with pytest.raises(CommandError, match="no name is given twice"):
            call_command("add_person", name, role="viewer")

        assert User.objects.count() == 1


class TestChangepassword:
    @pytest.fixture(autouse=True)
    def typed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changepassword.Command, "_get_pass", lambda self, prompt="": "quite another password")

    def test_writes_one_entry_and_a_notice_for_somebody_who_approves(self) -> None:
        make_person("bob", "overrides.review_changerequest", password="the first of them")

        call_command("changepassword", "bob", stdout=io.StringIO())

        assert entry() == ("command changepassword", "set password", "person bob")
        assert User.objects.get(username="bob").check_password("quite another password")
        assert Notice.objects.get().entry.object == "person bob"

    def test_refuses_an_unknown_person(self) -> None:
        with pytest.raises(CommandError, match="does not exist"):
            call_command("changepassword", "nobody", stdout=io.StringIO())

        assert not AuditEntry.objects.exists()


class TestAddPerson:
    @pytest.mark.parametrize(("role", "n_notices"), [("viewer", 0), ("reviewer", 1)])
    def test_writes_one_entry(self, role: str, n_notices: int, capsys: Any) -> None:
        call_command("add_person", "ada", role=role)

        assert entry() == ("command add_person", "add", "person ada")
        assert Notice.objects.count() == n_notices
