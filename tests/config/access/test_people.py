from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from config.access.roles import ROLES
from telemetry.models import AuditEntry
from tests.people import make_person

pytestmark = pytest.mark.django_db


class TestAddPerson:
    @pytest.mark.parametrize("role", ROLES)
    def test_makes_one_who_can_log_in_with_what_is_printed(self, capsys: pytest.CaptureFixture[str], role: str) -> None:
        call_command("add_person", "ada", role=role)

        password = capsys.readouterr().out.strip()
        response = Client().post("/admin/login/?next=/admin/", {"username": "ada", "password": password})
        assert (response.status_code, response["Location"]) == (302, "/admin/")
        person = User.objects.get(username="ada")
        assert [group.name for group in person.groups.all()] == [role]
        assert not person.is_superuser

    def test_keeps_the_password_under_the_slow_hash_of_django(
        self, capsys: pytest.CaptureFixture[str], settings: Any
    ) -> None:
        settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # as everywhere but in tests

        call_command("add_person", "ada", role="reviewer")

        password = capsys.readouterr().out.strip()
        person = User.objects.get(username="ada")
        assert person.password.startswith("pbkdf2_sha256$")
        assert person.check_password(password)

    def test_is_audited_without_the_password(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("add_person", "ada", role="reviewer")

        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.object) == ("command add_person", "add", "person ada")
        content = json.loads(entry.content)
        assert content["before"] is None
        assert content["after"] == {
            "name": "ada", "first_name": "", "last_name": "", "email": "", "is_active": True, "is_staff": True,
            "is_superuser": False, "groups": ["reviewer"], "permissions": [], "password": "set",
        }  # fmt: skip
        assert capsys.readouterr().out.strip() not in entry.content

    @pytest.mark.parametrize(
        ("name", "error"), [("ada", "ada is there already"), ("a b", "Enter a valid username"), ("", "cannot be blank")]
    )
    def test_refuses_a_name_that_is_taken_or_none(self, name: str, error: str) -> None:
        make_person("ada")

        with pytest.raises(CommandError, match=f"name: .*{error}"):
            call_command("add_person", name, role="viewer")

        assert User.objects.count() == 1
