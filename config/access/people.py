"""People who may log in: created with a role and a password that is shown once, and with a name that nobody had."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.contrib.auth.models import Group, User
from django.db import DEFAULT_DB_ALIAS, connections

from config.access.people_audit import people_audited

TAKEN = "is or was the name of another person; audit entries name people, so no name is given twice: choose another"
HOLDER = "SELECT person_id FROM access_personname WHERE key = person_name_key(%s)"


def add_person(*, name: str, role: str, actor: str, at: datetime) -> str:
    """Create a person with this role; return the password, which cannot be looked up later."""
    password = secrets.token_urlsafe(12)
    with people_audited(actor=actor, at=at):
        person = User.objects.create_user(name, password=password, is_staff=True)
        person.groups.add(Group.objects.get(name=role))
    return password


def is_name_taken(name: str, *, by_other_than: int | None = None, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Return whether another person has or had this name, ignoring case."""
    with connections[using].cursor() as cursor:
        cursor.execute(HOLDER, [name])
        row = cursor.fetchone()
    return row is not None and row[0] != by_other_than
