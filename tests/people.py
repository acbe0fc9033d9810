"""The people of tests exist before a test begins: they are written without triggers and without audit entries.

A test of a change of people makes the change inside `people_audited`, as the product does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import Permission, User


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
    from django.contrib.auth.models import Group, User

    with settled():
        person = User.objects.create_user(name, **fields)
        if permissions:
            person.user_permissions.add(*_permissions(permissions))
        if groups:
            person.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in groups))
    return person


def _permissions(names: Collection[str]) -> list[Permission]:
    """Return the permissions of these names by one query, as half of all tests make people. Raises LookupError."""
    from django.contrib.auth.models import Permission
    from django.db.models import Q

    pairs = [name.split(".") for name in names]
    asked = reduce(or_, [Q(content_type__app_label=app, codename=codename) for app, codename in pairs])
    found = list(Permission.objects.filter(asked).order_by())
    if len(found) != len(set(names)):
        raise LookupError(f"not each of these is the name of one permission: {', '.join(names)}")
    return found


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
