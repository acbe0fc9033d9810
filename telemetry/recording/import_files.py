"""Import files of closed trades: parse row by row, record in batches, report each refused row and its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import transaction

from telemetry.core.file_formats.detect_format import WHOLE_FILE, read_rows
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.trades import Trade, parse_trade
from telemetry.foundation.core.refusal import Refusal, Refused
from telemetry.recording.record_trades import Status, record_trades

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
    """Counts of what became of the rows of one file; `done` is the fraction of the file that was read, 0 to 1."""

    file: Path
    read: int = 0
    done: float = 0.0
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    @property
    def refused(self) -> int:
        return self.counts[Status.REFUSED]


@dataclass(frozen=True, slots=True)
class _Parsed:
    row: Row
    trade: Trade | None
    refusals: tuple[Refusal, ...] = ()


def import_files(
    files: Sequence[Path],
    *,
    now: datetime,
    defaults: Defaults,
    strict: bool = False,
    dry_run: bool = False,
    on_refused: Callable[[RefusedRow], None] = lambda row: None,
    on_progress: Callable[[FileReport], None] = lambda report: None,
) -> list[FileReport]:
    """Record the trades of files and return a report on each; importing a file again changes nothing.

    A refused row does not affect the others. Under `strict` nothing is recorded if any row of any file is refused;
    under `dry_run` nothing is recorded at all. In both cases every row is processed and reported as it would have been.
    Memory does not grow with the file, except for JSON documents, which are read whole.
    """
    whole: AbstractContextManager[object] = transaction.atomic() if strict or dry_run else nullcontext()
    with whole:
        reports = [_import_file(file, now, defaults, on_refused, on_progress) for file in files]
        if dry_run or (strict and any(report.refused for report in reports)):
            transaction.set_rollback(True)
    return reports


def _import_file(
    file: Path,
    now: datetime,
    defaults: Defaults,
    on_refused: Callable[[RefusedRow], None],
    on_progress: Callable[[FileReport], None],
) -> FileReport:
    report = FileReport(file)
    try:
        with file.open("rb") as stream:
            size = file.stat().st_size
            for batch in _read_ahead(_batches(read_rows(stream, file.name, size, defaults), now)):
                for refused in _record(batch, report, now):
                    on_refused(refused)
                report.done = 1.0 if size == 0 else min(1.0, stream.tell() / size)
                on_progress(report)
    except OSError as error:
        message = f"cannot be read ({error.strerror or error}); check its path and permissions"
        report.counts[Status.REFUSED] += 1
        on_refused(RefusedRow(file, WHOLE_FILE, "", (Refusal("", message),)))
    return report


def _batches(rows: Iterable[Row], now: datetime) -> Iterator[list[_Parsed]]:
    """Parse rows and yield them in batches that are bounded in number and in size."""
    batch: list[_Parsed] = []
    size = 0
    for row in rows:
        batch.append(_parse(row, now))
        size += row.size
        if len(batch) >= BATCH or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_ahead(batches: Iterator[list[_Parsed]]) -> Iterator[list[_Parsed]]:
    """Yield the batches; the next one is read while the caller writes the current one."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _parse(row: Row, now: datetime) -> _Parsed:
    if row.refusals:
        return _Parsed(row, None, row.refusals)
    try:
        return _Parsed(row, parse_trade(row.payload, now=now))
    except Refused as refused:
        return _Parsed(row, None, row.in_its_words(refused))


def _record(batch: Sequence[_Parsed], report: FileReport, now: datetime) -> Iterator[RefusedRow]:
    """Record the parsed trades of a batch, count all rows, and yield the refused ones in the order of the file."""
    receipts = iter(record_trades([each.trade for each in batch if each.trade is not None], now=now))
    for each in batch:
        report.read += each.row.place != WHOLE_FILE
        if each.trade is None:
            status, refusals, external_id = Status.REFUSED, each.refusals, each.row.claimed_id
        else:
            receipt = next(receipts)
            status, refusals, external_id = receipt.status, receipt.refusals, receipt.external_id
        report.counts[status] += 1
        if status == Status.REFUSED:
            yield RefusedRow(report.file, each.row.place, external_id, refusals)
