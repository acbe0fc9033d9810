"""`./dev manage import_trades FILE...`: record closed trades from files and report what became of every row."""

from __future__ import annotations

import gc
import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError
from psycopg.errors import UndefinedTable

from config.imports.completing import completion_of
from config.imports.document import Section, section_lines, sections_as_json
from config.imports.import_report import imported, sections_of, universes
from config.imports.options import FORMATS, add_file_options, defaults_of, unread_risks
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.core.words import count_of
from telemetry.recording.import_files import FileReport, RefusedRow, import_files
from telemetry.recording.revisions import Status

SHOWN = 20
TTY_SECONDS, LOG_SECONDS = 0.2, 5.0
HELP = f"""Record closed trades from files, and say at the end how many can teach and why the others cannot. Files are
{FORMATS} Safe to repeat: what is recorded is unchanged."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_file_options(parser)
        parser.add_argument("--strict", action="store_true", help="record nothing if any row is refused")
        parser.add_argument("--dry-run", action="store_true", help="record nothing, report what would become of it")
        parser.add_argument("--correction", metavar="REASON", help="move trades to this --book or --source, and why")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument("--refusals", type=Path, metavar="FILE", help="write every refused row as a line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        defaults = defaults_of(options, correction=options["correction"])
        with ExitStack() as stack:
            stack.enter_context(relaxed_garbage_collection())
            kept = options["refusals"] and stack.enter_context(options["refusals"].open("w", encoding="utf-8"))
            progress = ImportProgress(sys.stderr, kept)
            try:
                completion = completion_of(options, universes())
                reports = import_files(
                    options["files"],
                    now=now,
                    context=completion,
                    defaults=defaults,
                    strict=options["strict"],
                    dry_run=options["dry_run"],
                    on_refused=progress.refused,
                    on_progress=progress.report,
                )
            except Refused as refused:
                raise CommandError(str(refused)) from refused
            except OperationalError as error:
                message = f"the database is away ({str(error).strip()}); import again, what was recorded is unchanged"
                raise CommandError(message) from error
            except ProgrammingError as error:
                if isinstance(error.__cause__, UndefinedTable):
                    message = "the database has no tables yet; make them with manage.py migrate --database owner"
                    raise CommandError(message) from error
                raise
        progress.clear()
        for sentence in unread_risks(defaults, {name for report in reports for name in report.units}):
            self.stderr.write(sentence)
        sections = sections_of(imported(reports, completion, options), now)
        if options["json"]:
            self.stdout.write(json.dumps(_document(reports, progress, sections), ensure_ascii=False))
        else:
            lines = [*_table(reports), *_open(reports), *_misnamed(reports), *progress.first, *section_lines(sections)]
            self.stdout.write("\n".join(lines))
        self._conclude(reports, options)

    def _conclude(self, reports: Sequence[FileReport], options: dict[str, Any]) -> None:
        refused = sum(report.refused for report in reports)
        if refused > SHOWN and not options["refusals"] and not options["json"]:
            self.stdout.write(f"… and {refused - SHOWN:,} more; --refusals FILE writes them all")
        if options["dry_run"] and not options["json"]:
            self.stdout.write("dry run: nothing was recorded")
        if refused:
            nothing = "; nothing was recorded" if options["strict"] and not options["dry_run"] else ""
            raise CommandError(f"{refused:,} refused{nothing}")


class ImportProgress:
    """Shows progress and the first refusals to the user, and writes all refusals to a file if one is given."""

    def __init__(self, stream: IO[str], kept: IO[str] | None) -> None:
        self.first: list[str] = []
        self._stream, self._kept = stream, kept
        self._is_tty = stream.isatty()
        self._pause = TTY_SECONDS if self._is_tty else LOG_SECONDS
        self._next = time.monotonic() + self._pause

    def refused(self, row: RefusedRow) -> None:
        if len(self.first) < SHOWN:
            named_id = f" ({row.external_id})" if row.external_id else ""
            self.first.append(f"  {row.file.name}, {row.row}{named_id}: {Refused(*row.refusals)}")
        if self._kept is not None:
            errors = [{"field": each.field, "message": each.message} for each in row.refusals]
            line = {"file": str(row.file), "row": row.row, "external_id": row.external_id, "errors": errors}
            self._kept.write(json.dumps(line) + "\n")

    def report(self, report: FileReport) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._pause
        line = f"{report.file.name}: {report.done:4.0%}, {report.read:,} read"
        bar = "█" * round(30 * report.done)
        self._stream.write(f"\r{bar:<30} {line}" if self._is_tty else f"{line}\n")
        self._stream.flush()

    def clear(self) -> None:
        if self._is_tty:
            self._stream.write("\r\x1b[K")


@contextmanager
def relaxed_garbage_collection() -> Iterator[None]:
    """Collect garbage rarely: parsed trades hold almost no cycles, and looking for them takes a tenth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _document(
    reports: Sequence[FileReport], progress: ImportProgress, sections: Sequence[Section]
) -> dict[str, object]:
    """Return the report as JSON values."""
    files = [
        {"file": str(report.file), "read": report.read, "open": report.open}
        | {status.value: report.counts[status] for status in Status}
        for report in reports
    ]
    return {"files": files, "refusals": [line.strip() for line in progress.first], "report": sections_as_json(sections)}


def _open(reports: Sequence[FileReport]) -> list[str]:
    """Return a line on trades that have not closed, if there are any."""
    count = sum(report.open for report in reports)
    verbs = "has not closed and is" if count == 1 else "have not closed and are"
    return [f"  {count_of(count, 'trade')} {verbs} left out; import a later export"] if count else []


def _misnamed(reports: Sequence[FileReport]) -> list[str]:
    """Return a line for each reason why decisions that the trades name earn nothing."""
    counts = sum((report.misnamed for report in reports), Counter[str]())
    return [f"  {count:,} of the decisions named: {reason}" for reason, count in counts.most_common()]


def _table(reports: Sequence[FileReport]) -> list[str]:
    """Return one line of counts per file, and a line of sums if there are several files."""
    statuses = list(Status)
    rows = [("file", "read", *(status.value for status in statuses))]
    counted = [(str(report.file), report.read, *(report.counts[status] for status in statuses)) for report in reports]
    if len(reports) > 1:
        counted.append(("all", *(sum(column) for column in zip(*(row[1:] for row in counted), strict=True))))
    rows += [(str(name), *(f"{count:,}" for count in counts)) for name, *counts in counted]
    wide = max(len(row[0]) for row in rows)
    return ["  ".join([row[0].ljust(wide), *(cell.rjust(9) for cell in row[1:])]) for row in rows]
