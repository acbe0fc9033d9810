"""The demo's people and their bot: passwords and key made per install, shown by the demo, kept in a private file."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission, User

from config.access.keys import issue_key
from config.access.models import ApiKey

PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "author": ("view", "add_changerequest"),
    "reviewer": ("view", "review_changerequest", "apply_changerequest", "lower_modulemode"),
    "operator": ("view", "lower_modulemode", "add_apikey", "change_apikey"),
}
BOT = "demo bot"


def meet_people(now: datetime, credentials: Path | None) -> dict[str, User]:
    """The demo's users by name, made where missing; what was made is written to `credentials` (mode 0600)."""
    made: dict[str, Any] = {}
    people = {name: _meet(name, made) for name in PERMISSIONS}
    if not ApiKey.objects.filter(name=BOT).exists():
        made["bot key"] = issue_key(name=BOT, role=ApiKey.Role.RECORD, by=None, at=now)[1]
    if made and credentials is not None:
        _keep(made, credentials)
    return people


def _meet(name: str, made: dict[str, Any]) -> User:
    user, is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    if is_new:
        made[name] = secrets.token_urlsafe(12)
        user.set_password(made[name])
        user.save()
        user.user_permissions.set(_permissions(PERMISSIONS[name]))
    return user


def _permissions(words: tuple[str, ...]) -> list[Permission]:
    """Permissions by codename; the word `view` stands for looking at everything of ours."""
    ours = Permission.objects.filter(content_type__app_label__in=("telemetry", "overrides", "learning", "access"))
    return [p for p in ours if p.codename in words or ("view" in words and p.codename.startswith("view_"))]


def _keep(made: Mapping[str, Any], credentials: Path) -> None:
    known = json.loads(credentials.read_text()) if credentials.exists() else {}
    descriptor = os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(known | dict(made), file, indent=1)
