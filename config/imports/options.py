"""The options that commands for files share, and the values they stand for."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from telemetry.core.file_formats.file_rows import Defaults
from telemetry.foundation.core.fields import matching, named, text
from telemetry.foundation.core.refusal import Refused

READ = {
    "book": matching("[a-z0-9_-]{1,40}", "1 to 40 lower-case letters, digits, _ or -"),
    "source": text(200),
    "family": text(40),
}


def add_file_options(parser: ArgumentParser) -> None:
    """Add the files and what completes their trades."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--book", help="of trades that name none (default: paper; of a database of freqtrade: live)")
    parser.add_argument("--source", help="of trades that name none; freqtrade's all take this one")
    parser.add_argument("--family", help="in place of the strategy in the pattern keys of freqtrade's trades")


def defaults_of(options: Mapping[str, Any]) -> Defaults:
    """Return the values for trades whose file gives none. Raises CommandError for an option that does not fit."""
    values = {name: options[name] for name in READ if options[name] is not None}
    try:
        return Defaults(**{name: named(READ[name], value, f"--{name}") for name, value in values.items()})
    except Refused as refused:
        raise CommandError(str(refused)) from refused
