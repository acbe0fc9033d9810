"""The demo's people and their bot: passwords and key are created at installation and stored in a private file."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

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
    people = {name: _create(name, credentials, clock) for name in (*ROLES, ADMINISTRATOR)}
    if not ApiKey.objects.filter(name=BOT).exists():
        owner = people[ADMINISTRATOR]
        key = issue_key(name=BOT, role=ApiKey.Role.BOT, owner=owner, by=None, at=clock(), command=COMMAND)[1]
        _store("bot key", key, credentials)
    return people


def _create(name: str, credentials: Path | None, clock: Callable[[], datetime]) -> User:
    """Return a person of the demo, creating them if missing; a password is stored with its person or not at all."""
    user = User.objects.filter(username=name).first()
    if user is not None:
        return user
    password = secrets.token_urlsafe(12)
    with people_audited(actor=f"command {COMMAND}", at=clock(), reason="people of the demo"):
        is_administrator = name == ADMINISTRATOR
        user = User.objects.create_user(name, password=password, is_staff=True, is_superuser=is_administrator)
        user.groups.set(Group.objects.filter(name=ROLES.get(name)))
        _store(name, password, credentials)
    return user


def _store(name: str, secret: str, credentials: Path | None) -> None:
    if credentials is None:
        return
    known = json.loads(credentials.read_text()) if credentials.exists() else {}
    descriptor = os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({**known, name: secret}, file, indent=1)
