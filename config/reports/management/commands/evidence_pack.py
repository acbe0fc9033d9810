"""`./dev manage evidence_pack`: write the audit evidence of a period to a directory or a zip."""

from __future__ import annotations

import shutil
import zipfile
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.reports.evidence_pack.pack import write_pack
from config.reports.exports.selection import Selection
from config.reports.management.commands.export import read_time
from telemetry.core.vocabulary import Module

HELP = """Write the audit evidence of a period: requests with their lines, votes and comments; versions, modes,
policies, parameters, mandates and holds; decision counts; the audit trail; and the means to verify them."""


CUTS_BY = """a date or time of what is written: when a row was made, submitted, decided or closed, or was in force;
of the decisions that are counted when their levers were asked for (at)"""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=read_time, required=True, metavar="T", help=f"included; {CUTS_BY}")
        parser.add_argument("--until", type=read_time, required=True, metavar="T", help="not included; likewise")
        parser.add_argument("--module", choices=[module.value for module in Module], help="the audit trail is complete")
        parser.add_argument(
            "--output",
            type=Path,
            required=True,
            metavar="DIR_OR_ZIP",
            help="must not exist; written completely or not at all",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        output: Path = options["output"]
        if options["until"] <= options["since"]:
            raise CommandError("--until: lies not after --since")
        if output.exists():
            raise CommandError(f"--output {output}: is there already; name another, or remove it")
        selection = Selection(options["since"], options["until"], options["module"])
        part = output.with_name(f".{output.name}.part")
        try:
            manifest = _write(part, output.suffix == ".zip", selection)
            part.replace(output)
        except OSError as error:
            raise CommandError(f"--output {output}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        self.stderr.write(f"{len(manifest['files']) + 1} files; head of the audit trail: {manifest['audit']['head']}")


def _write(part: Path, as_zip: bool, selection: Selection) -> dict[str, Any]:
    made_at = datetime.now(UTC)
    if as_zip:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as pack:
            return write_pack(lambda name: pack.open(name, "w"), selection, made_at=made_at)
    part.mkdir()
    return write_pack(lambda name: (part / name).open("wb"), selection, made_at=made_at)
