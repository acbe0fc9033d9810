"""`./dev manage changepassword`: Django's command, with an audit entry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.management.commands import changepassword

from config.access.people_audit import people_audited


class Command(changepassword.Command):
    """Django's command with an audit entry."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        at, database = datetime.now(UTC), options["database"]
        with people_audited(actor="command changepassword", at=at, using=database):
            result: str | None = super().handle(*args, **options)
        return result
