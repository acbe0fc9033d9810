"""`./dev manage export {trades,episodes,decisions,contributions,lessons}`: export rows as JSON lines or CSV."""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from config.reports.exports import EXPORTS
from config.reports.exports.selection import Document, Selection
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.csv_cells import cell
from telemetry.foundation.core.fields import parse_moment
from telemetry.foundation.core.refusal import Refused

HELP = """Write trades, episodes of gates, decisions with their outcomes, contributions of overrides to levers, or
lessons to a file or to standard output. import_trades reads trades as JSON lines; the API takes episodes as written."""


CUTS_BY = """a date or time (without zone: UTC) of what is exported: of decisions and contributions when their
levers were asked for (at), of trades when they closed, of episodes when they ended, of lessons the time that they
state as of"""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=EXPORTS)
        parser.add_argument("--format", choices=("jsonl", "csv"), help="default: by the name of --output, or jsonl")
        parser.add_argument("--since", type=read_time, metavar="T", help=f"included; {CUTS_BY}")
        parser.add_argument("--until", type=read_time, metavar="T", help="not included; of the same time")
        parser.add_argument("--module", choices=[module.value for module in Module])
        parser.add_argument(
            "--all-revisions",
            action="store_true",
            help="include superseded trades and episodes, which an empty database needs",
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="written completely or not at all; .gz compresses"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        selection = Selection(options["since"], options["until"], options["module"], options["all_revisions"])
        export, output = EXPORTS[options["what"]], options["output"]
        documents = export.documents(selection)
        try:
            with _opened(output) if output else _standard(self.stdout) as stream:
                if _format(options) == "csv":
                    count = write_csv(documents, export.columns, stream)
                else:
                    count = write_json_lines(documents, stream)
        except OSError as error:
            raise CommandError(f"{output or 'standard output'}: {error.strerror or error}") from error
        except OperationalError as error:
            raise CommandError(f"the database is away ({str(error).strip()}); export again") from error
        self.stderr.write(f"{count:,} {options['what']}")


def write_json_lines(documents: Iterable[Document], stream: IO[str]) -> int:
    """Write one JSON object a line; return the number of documents."""
    count = 0
    for document in documents:
        stream.write(json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")
        count += 1
    return count


def write_csv(documents: Iterable[Document], columns: tuple[str, ...], stream: IO[str]) -> int:
    """Write a header and one row for each document; return the number of documents.

    A value without a column of its own is JSON text; a missing value is empty. Text that a spreadsheet would evaluate
    is prefixed by a quote, which `import_trades` removes.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for document in documents:
        writer.writerow([_cell(document, column) for column in columns])
        count += 1
    return count


def _cell(document: Document, column: str) -> object:
    value: Any = document
    for name in column.split("."):
        value = _at(value, int(name)) if isinstance(value, list) else value.get(name)
        if value is None:
            return ""
    return cell(value)


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def _format(options: dict[str, Any]) -> str:
    if options["format"]:
        return str(options["format"])
    return "csv" if options["output"] and ".csv" in options["output"].suffixes else "jsonl"


def read_time(value: str) -> datetime:
    """Parse a command-line date or time; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(value)
        return parse_moment(at.replace(tzinfo=UTC) if at.utcoffset() is None else at)
    except Refused as refused:
        raise ArgumentTypeError(str(refused)) from refused
    except ValueError as error:
        raise ArgumentTypeError(f"{value!r} is no date or time; give one such as 2026-05-01") from error


@contextmanager
def _opened(output: Path) -> Iterator[IO[str]]:
    """Open the file under a temporary name that is replaced when it is complete."""
    part = output.with_name(f".{output.name}.part")
    opener: Any = gzip.open if output.suffix == ".gz" else open
    try:
        with opener(part, "wt", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _standard(stdout: Any) -> Iterator[IO[str]]:
    """Yield standard output; end quietly if its reader stops early (`export trades | head`)."""
    try:
        yield stdout
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
