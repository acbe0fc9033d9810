"""`./dev manage simulated_time`: let the database accept other times than its clock's, end that, or say which holds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from telemetry.audit.simulated_time import allow_simulated_time, end_simulated_time, simulated_time


class Command(BaseCommand):
    help = "Allow times other than the database's clock (for a demo or a test), end that, or show which holds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("change", nargs="?", choices=("allow", "end"), help="without it, nothing is changed")
        parser.add_argument("--reason", default="", help="why; it stands in the audit trail and on the first page")

    def handle(self, *args: Any, **options: Any) -> None:
        change, reason = options["change"], options["reason"]
        try:
            if change == "allow":
                allow_simulated_time(reason)
            elif change == "end":
                end_simulated_time(reason or "ended by command")
        except (ValueError, ProgrammingError) as error:
            hint = "; set DATABASE_OWNER_URL" if isinstance(error, ProgrammingError) else ""
            raise CommandError(f"{error}{hint}") from error
        standing = simulated_time()
        self.stdout.write(
            "the clock of the database counts"
            if standing is None
            else f"time is simulated since {standing.since:%Y-%m-%d %H:%M} UTC: {standing.reason}"
        )
