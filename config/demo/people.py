"""The demo's people and their bot: passwords and key are created at installation and stored in a private file."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User

from config.access.keys import issue_key
from config.access.models import ApiKey
from config.access.people_audit import people_audited

ROLES: Mapping[str, str] = {"author": "parameter admin", "reviewer": "reviewer", "operator": "operator"}
ADMINISTRATOR = "administrator"  # manages roles and keys
BOT = "demo bot"
COMMAND = "demo"


def create_people(clock: Callable[[], datetime], credentials: Path | None) -> dict[str, User]:
    """Return the demo's users by name, creating missing ones; their passwords are added to `credentials`.

    Each is created at the time that `clock` then returns: hashing all passwords may take a busy machine longer than the
    few seconds by which the database lets a time differ from its own.
    """
    made: dict[str, Any] = {}
    people = {name: _create(name, made, clock) for name in (*ROLES, ADMINISTRATOR)}
    if not ApiKey.objects.filter(name=BOT).exists():
        owner = people[ADMINISTRATOR]
        made["bot key"] = issue_key(
            name=BOT, role=ApiKey.Role.RECORD, owner=owner, by=None, at=clock(), command=COMMAND
        )[1]
    if made and credentials is not None:
        _store(made, credentials)
    return people


def _create(name: str, made: dict[str, Any], clock: Callable[[], datetime]) -> User:
    """Return a person of the demo, creating them if missing."""
    user = User.objects.filter(username=name).first()
    if user is not None:
        return user
    made[name] = secrets.token_urlsafe(12)
    with people_audited(actor=f"command {COMMAND}", at=clock(), reason="people of the demo"):
        is_administrator = name == ADMINISTRATOR
        user = User.objects.create_user(name, password=made[name], is_staff=True, is_superuser=is_administrator)
        user.groups.set(Group.objects.filter(name=ROLES.get(name)))
    return user


def _store(made: Mapping[str, Any], credentials: Path) -> None:
    known = json.loads(credentials.read_text()) if credentials.exists() else {}
    descriptor = os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(known | dict(made), file, indent=1)
