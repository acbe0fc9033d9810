"""`./dev demo --planted`: the story of a bot whose edge is made up, and what the system stated about it."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo.own_database import DatabaseInUse
from config.demo.queue import WorkerSilent, WorkFailed
from config.learner import LEARNS, SWITCHED_OFF


class Command(BaseCommand):
    help = "Run the story of a bot whose edge is made up and known; fails if it does not end as planted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--headless", action="store_true", help="print one line of JSON instead of the table")
        parser.add_argument("--users-file", type=Path, help="file for the passwords of the demo's users (mode 0600)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not LEARNS:
            raise CommandError(f"{SWITCHED_OFF} The demo shows what it learns: set LEARNING=true.")
        from config.demo.planted.statements import statements
        from config.demo.planted.story import calendar_of, run_planted_demo

        started = time.monotonic()
        now = datetime.now(UTC)
        try:
            is_new = run_planted_demo(now=now, credentials=options["users_file"])
        except (DatabaseInUse, WorkerSilent, WorkFailed) as error:
            raise CommandError(str(error)) from error
        if not is_new:
            self.stderr.write("the planted demo has run before; nothing was changed")
        found = statements(calendar_of(now))
        if options["headless"]:
            seconds = round(time.monotonic() - started, 1)
            stated = {each.name: {"stated": each.stated, "as_planted": each.holds} for each in found}
            self.stdout.write(json.dumps(stated | {"seconds": seconds}))
        else:
            for each in found:
                self.stdout.write(f"{each.name}\n  planted: {each.planted}\n  stated:  {each.stated}")
        if missed := [each.name for each in found if not each.holds]:
            raise CommandError(f"the story did not end as planted: {', '.join(missed)}")
