"""`./dev manage weekly_report [WEEK]`: make the report of a week that has ended, unless one is kept."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.reports.weekly.compose import make_report
from overrides.monitoring.weekly_reports import last_week, monday_of
from telemetry.foundation.core.refusal import Refused


class Command(BaseCommand):
    help = "Makes the report of a week that has ended and prints its address; a report that is kept stays."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("week", nargs="?", help="like 2026-W48, or a day of it; default: the last one that ended")
        parser.add_argument("--again", action="store_true", help="keep a further revision beside the one there is")

    def handle(self, *args: Any, week: str | None, again: bool, **options: Any) -> None:
        at = datetime.now(UTC)
        try:
            chosen = last_week(at) if week is None else monday_of(week)
            report = make_report(chosen, by="command weekly_report", at=at, again=again)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{report}: /admin/reports/weekly/{report.label}/{report.revision}/")
