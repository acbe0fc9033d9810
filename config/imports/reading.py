"""Files of closed trades read into memory, by the readers that recording uses; no database, nothing is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from telemetry.core.file_formats.detect_format import WHOLE_FILE, read_rows
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.trades import Trade, parse_trade
from telemetry.foundation.core.refusal import Refusal, Refused

BATCH = 2_000
KEPT = 20  # refused rows that a report shows
Context = Callable[[Sequence[Row]], Sequence[Row]]


@dataclass
class FileRead:
    """What was read of one file."""

    file: Path
    read: int = 0
    refused: int = 0
    trades: list[Trade] = field(default_factory=list)


@dataclass
class Read:
    """What was read of all files.

    - `refusals`: the first refused rows as sentences.
    - `strategies`: trades by the strategy that their file names, or else their pattern.
    """

    files: list[FileRead] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    strategies: Counter[str] = field(default_factory=Counter)

    @property
    def trades(self) -> list[Trade]:
        """All trades in the order of the files."""
        return [trade for each in self.files for trade in each.trades]


def read_trades(
    files: Sequence[Path],
    *,
    now: datetime,
    defaults: Defaults,
    context: Context | None = None,
    on_file: Callable[[FileRead], None] = lambda report: None,
) -> Read:
    """Read the trades of files; a refused row or an unreadable file costs only itself.

    `context` completes rows by what price bars say, as when they are recorded.
    """
    found = Read()
    for file in files:
        report = FileRead(file)
        found.files.append(report)
        try:
            with file.open("rb") as stream:
                rows = iter(read_rows(stream, file.name, file.stat().st_size, defaults))
                for batch in _batches(rows):
                    _take(batch if context is None else context(batch), report, found, now)
        except OSError as error:
            report.refused += 1
            found.refusals.append(f"{file}: cannot be read ({error.strerror or error}); check its path and permissions")
        on_file(report)
    return found


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _take(rows: Sequence[Row], report: FileRead, found: Read, now: datetime) -> None:
    for row in rows:
        report.read += row.place != WHOLE_FILE
        try:
            if row.refusals:
                raise Refused(*row.refusals)
            trade = parse_trade(row.payload, now=now)
        except Refused as refused:
            report.refused += 1
            refusals = row.refusals or row.in_its_words(refused)
            if len(found.refusals) < KEPT:
                found.refusals.append(_sentence(report.file, row, refusals))
            continue
        report.trades.append(trade)
        named = trade.actions[0].pattern_key.partition(".")[0]
        found.strategies[named if row.market is None else row.market.strategy] += 1


def _sentence(file: Path, row: Row, refusals: tuple[Refusal, ...]) -> str:
    named = f" ({row.claimed_id})" if row.claimed_id else ""
    return f"{file.name}, {row.place}{named}: {Refused(*refusals)}"
