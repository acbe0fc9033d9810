"""`./dev manage verify_audit`: verify the audit trail of this database, or the chain of an export, row by row."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from telemetry.audit.alarms import VERIFY_AUDIT, end_alarm, is_acknowledged, raise_alarm
from telemetry.audit.verify_trail import verify_trail
from telemetry.core.audit_facts import Finding
from telemetry.core.hash_chain import NotAnExport, verify_export

HELP = """Verify that no audit entry was changed, removed, inserted or moved, that each head noted outside the database
still stands, and that what is in force is what the trail says; exit 1 and name what does not verify. This raises or
ends the alarm on the first page of the admin. Of an export only the chain is verified, which needs no database:
python telemetry/core/hash_chain.py EXPORT."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--full",
            action="store_true",
            help="hash what was voted on anew for every request",
        )
        parser.add_argument("--file", type=Path, metavar="EXPORT", help="an export (audit.jsonl of an evidence pack)")
        parser.add_argument("--head", metavar="HASH", help="a head noted earlier: shows a tail that was cut off too")

    def handle(self, *args: Any, **options: Any) -> None:
        file, head = options["file"], options["head"]
        if file is not None:
            _refuse(_of_file(file, head))
            self.stdout.write("the chain holds")
            return
        checked = verify_trail(full=options["full"], expected_head=head)
        if head is None:  # one given by hand may be mistyped
            self._settle_alarm(checked.findings)
        _refuse(checked.findings)
        heads = len(checked.noted.heads)
        self.stdout.write(f"the chain holds: {checked.entries} entries, {heads} noted heads, and the rows it tells of")

    def _settle_alarm(self, findings: Sequence[Finding]) -> None:
        at = datetime.now(UTC)
        if not findings:
            end_alarm(VERIFY_AUDIT, at=at)
        elif is_acknowledged(VERIFY_AUDIT, findings):
            self.stderr.write("this was acknowledged by a person: see the first page of the admin")
        else:
            raise_alarm(VERIFY_AUDIT, findings, at=at)


def _refuse(findings: Sequence[Finding]) -> None:
    if findings:
        raise CommandError("\n".join(map(str, findings)))


def _of_file(file: Path, head: str | None) -> Sequence[Finding]:
    try:
        with file.open(encoding="utf-8") as lines:
            return [Finding(f"row {each.seq}", each.message) for each in verify_export(lines, expected_head=head)]
    except (OSError, NotAnExport, UnicodeDecodeError) as error:
        raise CommandError(f"--file {file}: {error}") from error
