"""`./dev manage add_person NAME --role ROLE`: create a person who may log in, and print the password once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.access.people import TAKEN, add_person, is_name_taken
from config.access.roles import ROLES


class Command(BaseCommand):
    help = "Creates a person with a role and prints the password, once; the person can change it in the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="login name, also used in the audit trail")
        parser.add_argument("--role", required=True, choices=list(ROLES))

    def handle(self, *args: Any, name: str, role: str, **options: Any) -> None:
        try:
            User._meta.get_field("username").clean(name, None)
        except ValidationError as error:
            raise CommandError(f"name: {' '.join(error.messages)}") from error
        if User.objects.filter(username=name).exists():
            raise CommandError(f"name: {name} is there already; an administrator gives roles in the admin, under Users")
        if is_name_taken(name):
            raise CommandError(f"name: {name} {TAKEN}")
        password = add_person(name=name, role=role, actor="command add_person", at=datetime.now(UTC))
        self.stderr.write(f"{name}, {role}. The password is shown this once; change it after the first login:")
        self.stdout.write(password)
