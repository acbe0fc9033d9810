"""The demo's people and their bot: passwords and key are created at installation and stored in a private file."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User

from config.access.keys import issue_key
from config.access.models import ApiKey

ROLES: Mapping[str, str] = {"author": "parameter admin", "reviewer": "reviewer", "operator": "operator"}
ADMINISTRATOR = "administrator"  # manages roles and keys
BOT = "demo bot"


def create_people(now: datetime, credentials: Path | None) -> dict[str, User]:
    """Return the demo's users by name, creating missing ones; their passwords are added to `credentials`."""
    made: dict[str, Any] = {}
    people = {name: _create(name, made) for name in (*ROLES, ADMINISTRATOR)}
    if not ApiKey.objects.filter(name=BOT).exists():
        made["bot key"] = issue_key(name=BOT, role=ApiKey.Role.RECORD, by=None, at=now)[1]
    if made and credentials is not None:
        _store(made, credentials)
    return people


def _create(name: str, made: dict[str, Any]) -> User:
    rank = {"is_staff": True, "is_superuser": name == ADMINISTRATOR}
    user, is_new = User.objects.get_or_create(username=name, defaults=rank)
    if is_new:
        made[name] = secrets.token_urlsafe(12)
        user.set_password(made[name])
        user.save()
        user.groups.set(Group.objects.filter(name=ROLES.get(name)))
    return user


def _store(made: Mapping[str, Any], credentials: Path) -> None:
    known = json.loads(credentials.read_text()) if credentials.exists() else {}
    descriptor = os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(known | dict(made), file, indent=1)
