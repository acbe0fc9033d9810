"""`manage.py verify_audit`: verify the audit chain of this database, or of an export, row by row."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from telemetry.audit.audit_log import verify_audit
from telemetry.core.hash_chain import Break, NotAnExport, verify_export

HELP = """Verify that no audit entry was changed, removed, inserted or moved; exit 1 and name the row where one was.
Without a database: python telemetry/core/hash_chain.py EXPORT."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, metavar="EXPORT", help="an export (audit.jsonl of an evidence pack)")
        parser.add_argument("--head", metavar="HASH", help="a head noted earlier: shows a tail that was cut off too")

    def handle(self, *args: Any, **options: Any) -> None:
        file, head = options["file"], options["head"]
        breaks = verify_audit(expected_head=head) if file is None else _of_file(file, head)
        if breaks:
            raise CommandError("\n".join(f"row {each.seq}: {each.message}" for each in breaks))
        self.stdout.write("the chain holds")


def _of_file(file: Path, head: str | None) -> Sequence[Break]:
    try:
        with file.open(encoding="utf-8") as lines:
            return verify_export(lines, expected_head=head)
    except (OSError, NotAnExport, UnicodeDecodeError) as error:
        raise CommandError(f"--file {file}: {error}") from error
