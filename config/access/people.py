"""People who may log in: created with a role and a password that is shown once."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.contrib.auth.models import Group, User
from django.db import transaction

from config.access.keys import COMMAND
from telemetry.audit.audit_log import write_audit


@transaction.atomic
def add_person(*, name: str, role: str, at: datetime) -> str:
    """Create a person with this role; return the password, which cannot be looked up later."""
    password = secrets.token_urlsafe(12)
    person = User.objects.create_user(name, password=password, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    write_audit(
        actor=COMMAND, action="add", object=f"person {name}", reason="", before=None, after={"role": role}, at=at
    )
    return password
