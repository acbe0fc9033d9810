"""The people of tests exist before a test begins: they are written without triggers and without audit entries.

A test of a change of people makes the change inside `people_audited`, as the product does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@contextmanager
def settled() -> Iterator[None]:
    """Write people, groups and rights without triggers, as if they had existed before."""
    from django.db import connection

    from config.access.people_audit import people_audited

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser') = 'on'")
        if not cursor.fetchone()[0]:  # in a deployment, or as the application role
            with people_audited(actor="the tests", at=datetime.now(UTC)):
                yield
            return
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = origin")


def make_person(name: str, *permissions: str, groups: tuple[str, ...] = (), **fields: Any) -> User:
    """Create a person with these fields, permissions (`app.codename`) and groups; missing groups are created."""
    from django.contrib.auth.models import Group, Permission, User

    with settled():
        person = User.objects.create_user(name, **fields)
        for permission in permissions:
            app, codename = permission.split(".")
            person.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        person.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in groups))
    return person


def as_committed() -> None:
    """Run the deferred triggers of all writes so far, as the commit of a request would; tests do not commit."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def somebody() -> User:
    """Return the person who approves if a test does not care who does; created on the first call."""
    from django.contrib.auth.models import User

    return User.objects.filter(username="somebody").first() or make_person("somebody", is_superuser=True)


def keeper() -> User:
    """Return the owner of the keys of tests, who may draft everything; created on the first call."""
    from django.contrib.auth.models import User

    return User.objects.filter(username="keeper").first() or make_person("keeper", is_superuser=True)
