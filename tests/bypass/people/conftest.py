"""People with rights of all kinds, committed once for all tests of this folder; each test is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from overrides.core.governance.permissions import REVIEW
from tests.bypass.conftest import committed
from tests.bypass.people.changes import (
    BOB,
    LOOK_ID,
    PANEL,
    REVIEW_ID,
    WATCH,
    run,
)
from tests.people import make_person, settled


def furnish() -> None:
    """Create people with rights of all kinds, and two keys.

    Ada has no rights, Bob approves by a group, Eve would if she were active, Cy is in a group, Fay approves by herself
    and by a group, and Gil is inactive without rights.
    """
    make_person("ada")
    make_person("bob", groups=("reviewer",))
    make_person("eve", REVIEW, is_active=False)
    make_person("cy", groups=("desk",))
    make_person("fay", REVIEW, groups=("panel",))
    make_person("gil", is_active=False)
    make_person("root", is_superuser=True)
    make_person("hal", is_active=False, groups=("asleep",))
    with settled():
        Group.objects.create(name="empty")
        Group.objects.create(name="watch")
        run(
            "INSERT INTO auth_group_permissions (group_id, permission_id) "
            f"VALUES ({PANEL}, {REVIEW_ID}), ({WATCH}, {LOOK_ID})"
        )
        run(
            "INSERT INTO access_apikey (name, role, prefix, digest, created_at, owner_id, expires_at, revoked_at) "
            f"VALUES ('bot', 'record', 'aaaaaaaa', 'x', now(), {BOB}, now() + interval '1 day', NULL), "
            f"('old', 'record', 'cccccccc', 'x', now(), {BOB}, NULL, now())"
        )


@pytest.fixture(scope="package", autouse=True)
def people(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with committed(django_db_blocker, furnish):
        yield
