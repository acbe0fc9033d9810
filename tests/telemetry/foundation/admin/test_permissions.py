"""People's permissions are those of Django's own backend, by one query."""

from __future__ import annotations

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from telemetry.foundation.admin.permissions import PermissionsAtOnce
from tests.people import make_person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("permissions", "groups", "fields"),
    [
        ((), (), {}),
        (("overrides.view_line",), (), {}),
        (("overrides.view_line",), ("reviewer", "operator"), {}),
        ((), ("reviewer",), {"is_active": False}),
        ((), (), {"is_superuser": True}),
    ],
)
def test_the_permissions_are_those_that_django_finds(
    permissions: tuple[str, ...], groups: tuple[str, ...], fields: dict[str, bool]
) -> None:
    person = make_person("somebody", *permissions, groups=groups, **fields)
    again = User.objects.get(pk=person.pk)

    with CaptureQueriesContext(connection) as queries:
        found = PermissionsAtOnce().get_all_permissions(person)
        PermissionsAtOnce().get_all_permissions(person)

    assert found == ModelBackend().get_all_permissions(again)
    assert len(queries) == int(person.is_active)


def test_strangers_have_no_permission_and_nobody_has_one_on_a_single_object() -> None:
    person = make_person("somebody", groups=("reviewer",))

    assert PermissionsAtOnce().get_all_permissions(AnonymousUser()) == set()
    assert PermissionsAtOnce().get_all_permissions(person, person) == set()
