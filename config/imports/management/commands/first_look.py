"""`./dev manage first_look FILE...`: report in memory what closed trades could teach, and record nothing."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string

from config.imports.bars import from_bars
from config.imports.completing import completion_of, unread_lines
from config.imports.document import Section
from config.imports.first_look_report import has_no_scope, has_no_unit, lacks_units, report_of
from config.imports.looking import Looked, learned_dimension, look_at
from config.imports.options import add_file_options, defaults_of, typed, unread_risks
from config.imports.reading import FileRead, read_trades
from config.imports.words import BOOK_OF_BACKTESTS, BRING_BARS, BRING_OTHER_BARS, BRING_SCOPES, NEXT
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.own_dimensions import OwnDimension
from telemetry.foundation.core.refusal import Refused

RECORD = "./dev manage import_trades"
HELP = """Look at files of closed trades in memory: how many can teach and why the others cannot, where an edge looks
real beside what noise twins find, and what a walk-forward earned against doing nothing. It needs no database, records
nothing, and changes nothing that is served. It reads what import_trades reads."""


class Command(BaseCommand):
    help = HELP
    requires_system_checks = ()  # they ask the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_file_options(parser)
        parser.add_argument(
            "--learn",
            action="append",
            default=[],
            metavar="NAME[=CUT,CUT...]",
            help="learn from this dimension too, and from a number by ordered cuts, as in volume_z=-1,0.5",
        )
        parser.add_argument("--seed", type=int, default=0, help="of the noise twins (default: those that builds count)")
        parser.add_argument("--html", type=Path, metavar="OUT.html", help="write the report as one page too")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        defaults, learned, completion = defaults_of(options), _learned(options["learn"]), completion_of(options)
        try:
            read = read_trades(options["files"], now=now, defaults=defaults, context=completion, on_file=self._say_file)
        except Refused as refused:
            raise CommandError(f"--bars: {refused}") from refused
        if completion.journal is not None and (unread := unread_lines(completion.journal)):
            self._say(unread)
        for sentence in unread_risks(defaults, read.units):
            self._say(sentence)
        given = {} if completion.bars is None else from_bars(completion.bars.report)
        remarks = () if completion.bars is None else completion.bars.remarks
        try:
            looked = look_at(
                read, learned=learned, seed=options["seed"], from_bars=given, remarks=remarks, say=self._say
            )
        except FieldError as error:
            raise CommandError(f"--learn: {error}") from error
        report = report_of(looked, _next_steps(looked, options))
        if options["html"]:
            _write(options["html"], render_to_string("imports/report.html", {"report": report, "made_at": now}))
            self._say(f"written: {options['html']}")
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self.stdout.write(report.as_text())
        if not read.trades:
            raise CommandError("no closed trade could be read")

    def _say(self, line: str) -> None:
        self.stderr.write(line)

    def _say_file(self, report: FileRead) -> None:
        self._say(f"{report.file.name}: {report.read:,} read")


def _learned(choices: Sequence[str]) -> list[OwnDimension]:
    """Return the dimensions that are asked for, each name once. Raises CommandError."""
    found: dict[str, OwnDimension] = {}
    for choice in choices:
        try:
            each = learned_dimension(choice)
        except FieldError as error:
            raise CommandError(f"--learn: {choice!r}: {error}") from error
        if found.setdefault(each.name, each) != each:
            raise CommandError(f"--learn: {each.name} has two sets of cuts; give one")
    return list(found.values())


def _next_steps(looked: Looked, options: Mapping[str, Any]) -> Section:
    """Return what to do next, most needed first."""
    if not looked.distinct.trades:
        return Section(NEXT, ["Bring files that import_trades reads."], commands=[f"{RECORD} --help"])
    sentences = []
    if options["bars"] is None and (has_no_scope(looked) or has_no_unit(looked)):
        sentences.append(BRING_BARS)
    elif lacks_units(looked):
        sentences.append(BRING_OTHER_BARS)
    elif has_no_scope(looked):
        sentences.append(BRING_SCOPES)
    if looked.read.runs and options["book"] is None:
        sentences.append(BOOK_OF_BACKTESTS)
        options = {**options, "book": "backtest"}
    return Section(NEXT, [*sentences, "Record the trades:"], commands=[f"{RECORD} {typed(options)}"])


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from error
