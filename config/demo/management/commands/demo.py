"""`./dev manage demo`: replay market data through the complete pipeline, using the queue, and report the results."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo.first_question import question_lines
from config.demo.own_database import DatabaseInUse
from config.demo.queue import WorkerSilent, WorkFailed
from config.learner import LEARNS, SWITCHED_OFF


class Command(BaseCommand):
    help = "Replay eight months of market data through the complete pipeline; a second run changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--headless", action="store_true", help="print one line of JSON instead of the report")
        parser.add_argument("--users-file", type=Path, help="file for the passwords of the demo's users (mode 0600)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not LEARNS:
            raise CommandError(f"{SWITCHED_OFF} The demo shows what it learns: set LEARNING=true.")
        from config.demo.report import facts, report_lines
        from config.demo.story import run_demo

        started = time.monotonic()
        try:
            is_new = run_demo(now=datetime.now(UTC), credentials=options["users_file"])
        except (DatabaseInUse, WorkerSilent, WorkFailed) as error:
            raise CommandError(str(error)) from error
        if not is_new:
            self.stderr.write("the demo has run before; nothing was changed")
        if options["headless"]:
            seconds = round(time.monotonic() - started, 1)
            self.stdout.write(json.dumps(facts() | {"seconds": seconds}, default=str))
        else:
            self.stdout.write("\n".join([*report_lines(), *question_lines(datetime.now(UTC))]))
