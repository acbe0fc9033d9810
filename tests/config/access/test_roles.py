"""The roles of people: the table, the groups in the database, and the code that checks permissions."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from config.access import keys
from config.access.roles import ROLES, SEEN, SUPERUSER_ONLY, grants
from config.celery import app
from telemetry.models import AuditEntry
from tests.people import as_committed, make_person, settled

ROOT = Path(__file__).parents[3]
OURS = (*SEEN, "access")
PERMISSION_TABLES = ("config/access/roles.py", "config/access/keys.py")  # the two tables of permissions


def permissions_of(role: str) -> set[str]:
    rows = Permission.objects.filter(group__name=role).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


def known() -> set[str]:
    rows = Permission.objects.filter(content_type__app_label__in=OURS).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


def permissions_in_code() -> Iterator[str]:
    """Return every string in the code that looks like a permission, `app.codename`, and is no task or module."""
    app.loader.import_default_modules()
    for path in sorted(path for top in ("config", *SEEN) for path in (ROOT / top).rglob("*.py")):
        if "migrations" in path.parts or str(path.relative_to(ROOT)) in PERMISSION_TABLES:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                first, _, rest = node.value.partition(".")
                if first in OURS and rest.isidentifier() and "_" in rest and not _is_other(node.value):
                    yield node.value


def _is_other(name: str) -> bool:
    return name in app.tasks or (not name.startswith("access.") and find_spec(name) is not None)


@pytest.mark.django_db
class TestGroups:
    @pytest.mark.parametrize("role", ROLES)
    def test_hold_what_the_table_says(self, role: str) -> None:
        assert permissions_of(role) == {name for name in known() if grants(role, name)}
        assert permissions_of(role) >= ROLES[role]

    def test_let_a_viewer_look_at_everything_but_the_keys(self) -> None:
        viewer = permissions_of("viewer")

        assert {name.partition(".")[0] for name in viewer} == set(SEEN)
        assert {name.partition(".")[2].partition("_")[0] for name in viewer} == {"view"}
        assert {"telemetry.view_auditentry", "overrides.view_changerequest", "learning.view_lesson"} <= viewer

    def test_come_with_the_next_migrate_to_models_added_later(self) -> None:
        later = Permission.objects.create(
            codename="view_later", name="Can view later", content_type=ContentType.objects.get(model="override")
        )
        taken = Permission.objects.get(codename="apply_changerequest")
        with settled():
            Group.objects.get(name="reviewer").permissions.remove(taken)

        call_command("migrate", verbosity=0)

        assert all("overrides.view_later" in permissions_of(role) for role in ROLES)
        assert "overrides.apply_changerequest" in permissions_of("reviewer")
        assert later.group_set.count() == len(ROLES)

    def test_get_an_entry_if_they_differed_and_none_otherwise(self) -> None:
        call_command("migrate", verbosity=0)
        assert not AuditEntry.objects.exists()
        with settled():
            Group.objects.get(name="reviewer").permissions.remove(
                Permission.objects.get(codename="apply_changerequest"), Permission.objects.get(codename="view_line")
            )

        call_command("migrate", verbosity=0)
        as_committed()

        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.object) == ("command migrate", "change rights", "group reviewer")
        content = json.loads(entry.content)
        gained = set(content["after"]["permissions"]) - set(content["before"]["permissions"])
        assert gained == {"overrides.apply_changerequest", "overrides.view_line"}

    def test_leave_other_groups_alone(self) -> None:
        with settled():
            other = Group.objects.create(name="pm desk")
            other.permissions.add(Permission.objects.get(codename="add_apikey"))

        call_command("migrate", verbosity=0)

        assert permissions_of("pm desk") == {"access.add_apikey"}


@pytest.mark.django_db
class TestMembers:
    @pytest.mark.parametrize(
        ("role", "may", "may_not"),
        [
            ("operator", "lower_modulemode", "review_changerequest"),
            ("operator", "lower_modulemode", "add_changerequest"),
            ("reviewer", "apply_changerequest", "propose_parameters"),
            ("parameter admin", "propose_parameters", "review_changerequest"),
            ("viewer", "view_changerequest", "add_changerequest"),
        ],
    )
    def test_may_what_their_role_says_and_no_more(self, role: str, may: str, may_not: str) -> None:
        user = make_person("somebody", groups=(role,), is_staff=True)

        assert user.has_perm(f"overrides.{may}")
        assert not user.has_perm(f"overrides.{may_not}")


@pytest.mark.django_db
class TestDoors:
    def test_ask_only_for_permissions_that_somebody_can_have(self) -> None:
        checked = set(permissions_in_code())

        assert {"overrides.lower_modulemode", "access.change_apikey", "learning.view_cell"} <= checked  # it does look
        assert checked <= known()
        granted = {name for name in checked if any(grants(role, name) for role in ROLES)}
        for_keys = {name for name in checked if keys.roles_with(name)}
        assert checked - granted - for_keys - SUPERUSER_ONLY == set()

    def test_leave_nothing_in_the_table_that_does_not_exist(self) -> None:
        table = SUPERUSER_ONLY.union(*ROLES.values())

        assert table <= known()
        assert not any(grants(role, name) for role in ROLES for name in SUPERUSER_ONLY)


def test_every_view_of_ours_is_seen_by_a_viewer() -> None:
    models: list[Any] = [model for label in SEEN for model in apps.get_app_config(label).get_models()]

    assert len(models) > 20
    assert all(grants("viewer", f"{model._meta.app_label}.view_{model._meta.model_name}") for model in models)
