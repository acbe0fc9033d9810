"""Files of closed trades read into memory, by the readers that recording uses; no database, nothing is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from telemetry.core.file_formats.detect_format import WHOLE_FILE
from telemetry.core.file_formats.file_rows import Context, Defaults, Row
from telemetry.core.file_formats.measured_rows import choose_units, measured
from telemetry.core.trades import Trade, parse_trade
from telemetry.core.unit_of_risk import UnitChoice
from telemetry.core.vocabulary import family_of
from telemetry.foundation.core.refusal import Refused
from telemetry.recording.open_file import open_file, why_unreadable
from telemetry.recording.result_folder import found_files
from telemetry.recording.strategy_rows import strategy_rows

BATCH = 2_000


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

    - `refusals`: why rows were refused, with how many and the first of them.
    - `strategies`: trades by the strategy that their file names, or else their pattern.
    - `units`: the unit of risk of each strategy or family, and why; `runs`: the runs of backtests that files name.
    """

    files: list[FileRead] = field(default_factory=list)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    strategies: Counter[str] = field(default_factory=Counter)
    units: dict[str, UnitChoice] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)

    def refuse(self, why: str, where: str) -> None:
        """Count a refused row."""
        count, first = self.refusals.get(why, (0, where))
        self.refusals[why] = (count + 1, first)

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

    A folder stands for the backtest results in it. `context` completes rows by what price bars say, as when they are
    recorded; the unit of risk of a strategy is chosen by all of its rows, likewise. Raises Refused as `context`
    does.
    """
    listed = list(found_files(files))
    found = Read(units=choose_units(strategy_rows(listed, defaults), {}, defaults.risk))
    for file in listed:
        report = FileRead(file)
        found.files.append(report)
        try:
            for batch in _batches(file, defaults):
                found.units |= choose_units(batch, found.units, defaults.risk)
                rows = [measured(row, found.units) for row in batch]
                _take(rows if context is None else context(rows), report, found, now)
        except OSError as error:
            report.refused += 1
            found.refuse(why_unreadable(error), str(file))
        on_file(report)
    return found


def _batches(file: Path, defaults: Defaults) -> Iterator[list[Row]]:
    with open_file(file, defaults) as opened:
        while batch := list(islice(opened.rows, BATCH)):
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
            why = Refused(*(row.refusals or row.in_its_words(refused)))
            found.refuse(str(why), f"{report.file.name}, {row.place}{_claimed(row)}")
            continue
        report.trades.append(trade)
        named = family_of(trade.actions[0].pattern_key)
        found.strategies[named if row.market is None else row.market.strategy] += 1
        if row.run is not None:
            found.runs.add(row.run)


def _claimed(row: Row) -> str:
    return f" ({row.claimed_id})" if row.claimed_id else ""
