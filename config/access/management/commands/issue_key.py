"""`./dev manage issue_key NAME --role ROLE --owner PERSON [--days N]`: issue a key for a bot or tool; print it once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.access.keys import issue_key
from config.access.models import ApiKey

LONGEST_DAYS = 3650


class Command(BaseCommand):
    help = "Issues an API key and prints it, once: only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user of the key: one key for each bot or tool")
        parser.add_argument("--role", required=True, choices=ApiKey.Role.values)
        parser.add_argument("--owner", required=True, help="the person responsible for the key, author of its drafts")
        parser.add_argument("--days", type=int, help="days until it expires; by default it is valid until revoked")

    def handle(self, *args: Any, name: str, role: str, owner: str, days: int | None, **options: Any) -> None:
        if not 0 < len(name.strip()) <= 100:
            raise CommandError("name: give 1 to 100 characters that say who will use the key")
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--days: give 1 to {LONGEST_DAYS}, or leave it out for a key without an end")
        person = User.objects.filter(username=owner, is_active=True).first()
        if person is None:
            raise CommandError(f"--owner: {owner} is no active person; ./dev manage add_person creates one")
        now = datetime.now(UTC)
        expires_at = None if days is None else now + timedelta(days=days)
        row, key = issue_key(name=name.strip(), role=role, owner=person, by=None, at=now, expires_at=expires_at)
        until = "it is revoked" if expires_at is None else f"{expires_at:%Y-%m-%d %H:%M} UTC"
        self.stderr.write(f"{row} of {owner}, role {role}, until {until}. It is shown this once:")
        self.stdout.write(key)
