"""The options that commands for files share, and the values they stand for."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from telemetry.core.file_formats.column_mapping import ColumnMapping, read_mapping
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.core.unit_of_risk import Unit
from telemetry.core.vocabulary import read_book
from telemetry.foundation.core.fields import named, text
from telemetry.foundation.core.refusal import Refused

READ = {
    "book": read_book,
    "source": text(200),
    "family": text(40),
    "exchange": text(40),
}
FORMATS = """JSON lines (one trade to a line), flat CSV, freqtrade's backtest results (.json, .zip, or a folder of
them), its database and tables of its trades; .gz of any. Recognised by content."""


def add_file_options(parser: ArgumentParser) -> None:
    """Add the files and what completes their trades."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file, a database or a folder of results")
    parser.add_argument("--book", help="of trades that name none (default: paper; of freqtrade's database live or dry)")
    parser.add_argument("--source", help="of trades that name none; freqtrade's all take this one")
    parser.add_argument("--family", help="in place of the strategy in the pattern keys of freqtrade's trades")
    parser.add_argument("--exchange", help="of freqtrade's trades whose file names none")
    parser.add_argument("--bars", type=Path, metavar="DIR", help="price bars, from which scopes and 2 ATR are computed")
    parser.add_argument("--universe", metavar="NAME", help="of the pairs of --bars (default: the name of the folder)")
    parser.add_argument(
        "--risk", action="append", default=[], metavar="STRATEGY=stop|atr", help="the unit of risk, chosen once for all"
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="a bot's decision journal, joined to its trades")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="JSON that names the columns of another bot's CSV")


def defaults_of(options: Mapping[str, Any], **others: Any) -> Defaults:
    """Return how to read files. Raises CommandError for an option that does not fit."""
    values = {name: options[name] for name in READ if options[name] is not None}
    try:
        read = {name: named(READ[name], value, f"--{name}") for name, value in values.items()}
    except Refused as refused:
        raise CommandError(str(refused)) from refused
    return Defaults(**read, risk=_risk(options["risk"]), mapping=_mapping(options["mapping"]), **others)


def typed(options: Mapping[str, Any]) -> str:
    """Return the files and options as they would be typed."""
    words = [str(each) for each in options["files"]]
    for name in ("book", "source", "family", "exchange", "bars", "universe", "journal", "mapping"):
        if options[name] is not None:
            words += [f"--{name}", str(options[name])]
    for choice in options["risk"]:
        words += ["--risk", choice]
    return shlex.join(words)


def unread_risks(defaults: Defaults, strategies: Iterable[str]) -> list[str]:
    """Return a sentence for each strategy whose unit of risk was stated and of which no trade was read."""
    read = sorted(strategies)
    return [
        f"--risk {name}: no trade of it was read; the strategies read are {', '.join(read) or 'none'}"
        for name in sorted(set(defaults.risk) - set(read))
    ]


def _risk(choices: Sequence[str]) -> dict[str, Unit]:
    found = {}
    for choice in choices:
        strategy, _, unit = choice.rpartition("=")
        if not strategy or unit not in [each.value for each in Unit]:
            raise CommandError(f"--risk: {choice!r} is not STRATEGY=stop or STRATEGY=atr")
        found[strategy] = Unit(unit)
    return found


def _mapping(path: Path | None) -> ColumnMapping | None:
    if path is None:
        return None
    try:
        return read_mapping(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"--mapping: {path} cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--mapping: {path}: {error}") from error
