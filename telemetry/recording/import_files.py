"""Import files of closed trades: parse row by row, record in batches, report each refused row and its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from django.db import transaction

from telemetry.core.file_formats.detect_format import WHOLE_FILE
from telemetry.core.file_formats.file_rows import Context, Defaults, Row
from telemetry.core.trades import Trade, parse_trade
from telemetry.core.unit_of_risk import UnitChoice
from telemetry.foundation.core.refusal import Refusal, Refused
from telemetry.recording.choose_units import choose_by_all, measure_rows
from telemetry.recording.match_recorded import Read, match_recorded
from telemetry.recording.open_file import open_file, why_unreadable
from telemetry.recording.rank_books import wait_for_others
from telemetry.recording.record_trades import record_trades
from telemetry.recording.result_folder import found_files
from telemetry.recording.revisions import Status
from telemetry.recording.strategy_rows import strategy_rows

BATCH = 2_000
BATCH_SIZE = 16_000_000  # characters; rows may be long


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not recorded. `row` is its place in the file, or "file" if the whole file is unreadable."""

    file: Path
    row: str
    external_id: str
    refusals: tuple[Refusal, ...]


@dataclass
class FileReport:
    """Counts of what became of the rows of one file.

    - `done`: the fraction of the file that was read, 0 to 1.
    - `excluded`: how many of the trades that stand cannot be learned from, by reason.
    - `units`: the unit of risk of each strategy in the file, and why.
    - `runs`: the runs of backtests that the file names.
    - `open`: trades that have not closed; they are left out, and no fault of the file.
    - `misnamed`: how many decisions that its trades name are unknown or do not fit, by the reason in words.
    """

    file: Path
    read: int = 0
    done: float = 0.0
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    excluded: Counter[str] = field(default_factory=Counter)
    units: dict[str, UnitChoice] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    open: int = 0
    misnamed: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        return self.counts[Status.REFUSED]


@dataclass(frozen=True, slots=True)
class _Parsed:
    row: Row
    trade: Trade | None
    refusals: tuple[Refusal, ...] = ()
    has_context: bool = False


@dataclass(frozen=True, slots=True)
class _Import:
    """What holds for a whole import; `choices` are the units of risk of its strategies."""

    now: datetime
    defaults: Defaults
    context: Context | None
    choices: dict[str, UnitChoice]


def import_files(
    files: Sequence[Path],
    *,
    now: datetime,
    defaults: Defaults,
    strict: bool = False,
    dry_run: bool = False,
    context: Context | None = None,
    on_refused: Callable[[RefusedRow], None] = lambda row: None,
    on_progress: Callable[[FileReport], None] = lambda report: None,
) -> list[FileReport]:
    """Record the trades of files and return a report on each; importing a file again changes nothing.

    A folder stands for all the backtest results in it. `context` adds to the rows of a batch what price bars say of
    them; it is called with rows that know their unit of risk (`Row.unit`).

    A refused row does not affect the others, and a trade that is still open is left out. Under `strict` nothing is
    recorded if any row of any file is refused; under `dry_run` nothing is recorded at all. In both cases every row is
    processed and reported as it would have been. Files of freqtrade's trades are read twice, first to choose the units
    of risk by all of their rows. Memory does not grow with the file, except for JSON documents, which are read whole.
    """
    whole: AbstractContextManager[object] = transaction.atomic() if strict or dry_run else nullcontext()
    with whole:
        found = list(found_files(files))
        choices = choose_by_all(strategy_rows(found, defaults), defaults.risk, now)
        whole_import = _Import(now, defaults, context, choices)
        reports = [_import_file(file, whole_import, on_refused, on_progress) for file in found]
        if dry_run or (strict and any(report.refused for report in reports)):
            transaction.set_rollback(True)
    return reports


def _import_file(
    file: Path,
    whole: _Import,
    on_refused: Callable[[RefusedRow], None],
    on_progress: Callable[[FileReport], None],
) -> FileReport:
    report = FileReport(file)
    try:
        with open_file(file, whole.defaults) as opened:
            for batch in _read_ahead(_batches(opened.rows)):
                for refused in _record(batch, report, whole):
                    on_refused(refused)
                report.done = opened.done()
                on_progress(report)
    except OSError as error:
        report.counts[Status.REFUSED] += 1
        on_refused(RefusedRow(file, WHOLE_FILE, "", (Refusal("", why_unreadable(error)),)))
    except Refused as refused:
        report.counts[Status.REFUSED] += 1
        on_refused(RefusedRow(file, WHOLE_FILE, "", refused.refusals))
    return report


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows in batches that are bounded in number and in size."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += row.size
        if len(batch) >= BATCH or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_ahead(batches: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Yield the batches; the next one is read while the caller writes the current one."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _prepared(rows: Sequence[Row], report: FileReport, whole: _Import) -> list[_Parsed]:
    """Measure the rows in the units of their strategies, add their context, and parse them."""
    measured = measure_rows(rows, whole.choices, whole.defaults.risk, whole.now)
    given = measured if whole.context is None else whole.context(measured)
    families = {row.family for row in rows if row.family is not None}
    report.units |= {name: whole.choices[name] for name in families}
    report.runs |= {row.run for row in rows if row.run is not None}
    return [_parse(*_beside(row, before), whole.now) for before, row in zip(measured, given, strict=True)]


def _beside(row: Row, before: Row) -> tuple[Row, bool]:
    """Return a row with its payload before context was added, and whether any was."""
    if row.payload == before.payload:
        return row, False
    return replace(row, earlier=(*row.earlier, before.payload)), True


def _parse(row: Row, has_context: bool, now: datetime) -> _Parsed:
    if row.refusals:
        return _Parsed(row, None, row.refusals)
    try:
        return _Parsed(row, parse_trade(row.payload, now=now), (), has_context)
    except Refused as refused:
        return _Parsed(row, None, row.in_its_words(refused))


def _record(rows: Sequence[Row], report: FileReport, whole: _Import) -> Iterator[RefusedRow]:
    """Record the trades of a batch, count all rows, and yield the refused ones in the order of the file."""
    batch = _prepared(rows, report, whole)
    read = [Read(each.row, each.trade, each.has_context) for each in batch if each.trade is not None]
    with transaction.atomic():
        wait_for_others()  # the entries and clusters that are matched must be those that are recorded
        matched = match_recorded(read, now=whole.now, correction=whole.defaults.correction)
        receipts = iter(record_trades([each.trade for each in matched if each.trade is not None], now=whole.now))
    outcomes = iter(matched)
    for each in batch:
        report.read += each.row.place != WHOLE_FILE
        if each.row.is_open:
            report.open += 1
            continue
        status, refusals, external_id = Status.REFUSED, each.refusals, each.row.claimed_id
        if each.trade is not None:
            match = next(outcomes)
            external_id, refusals = match.external_id, match.refusals
            status = Status.REFUSED if refusals else Status.UNCHANGED
            if match.trade is not None:
                receipt = next(receipts)
                status, refusals = receipt.status, receipt.refusals
                report.misnamed.update(named.reason for named in receipt.decisions if named.misfit is not None)
            if status is not Status.REFUSED and each.trade.excluded_reason is not None:
                report.excluded[each.trade.excluded_reason] += 1
        report.counts[status] += 1
        if status == Status.REFUSED:
            yield RefusedRow(report.file, each.row.place, external_id, refusals)
