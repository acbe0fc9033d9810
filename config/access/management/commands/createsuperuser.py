"""`./dev manage createsuperuser`: Django's command, with an audit entry; a name that somebody had is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from config.access.people import TAKEN, is_name_taken
from config.access.people_audit import people_audited


class Command(createsuperuser.Command):
    """Django's command with an audit entry."""

    def handle(self, *args: Any, **options: Any) -> None:
        at, database = datetime.now(UTC), options["database"]
        with people_audited(actor="command createsuperuser", at=at, using=database):
            super().handle(*args, **options)

    def _validate_username(self, username: str, verbose_field_name: str, database: str) -> str | None:
        """Return what is wrong with a name; a name that somebody had is wrong too."""
        error: str | None = super()._validate_username(  # type: ignore[misc]  # the stubs leave it out
            username, verbose_field_name, database
        )
        if not error and is_name_taken(username, using=database):
            return f"Error: {username} {TAKEN}."
        return error
