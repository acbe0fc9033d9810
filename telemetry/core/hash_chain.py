"""The audit chain: every row contains the hash of the row before it, so that no row can be changed unnoticed.

A row names the format of its hash. Format 1 covers its number, the hash before it and its content; format 2 covers
everything that the row says, the time and the transaction in which it was written among it. A chain goes over from 1
to 2 once: the first row of format 2 continues, and so seals, the last row of format 1, and no row of format 1 follows.

This file needs nothing but Python 3.11. Evidence packs hold a copy of it, which verifies an export anywhere: `python
chain.py EXPORT [HEAD]`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

GENESIS = "0" * 64
FORMATS = (1, 2)
FIRST_FIELDS = ("seq", "previous_hash", "hash", "content")  # of a row of format 1


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the log as stored; `content` is canonical JSON text, `seq` counts from 1 without gaps.

    `written_at` is UTC text with microseconds and `Z`, `epoch` the cluster in which the transaction id was given; both
    belong to the hash from format 2 on.
    """

    seq: int
    previous_hash: str
    hash: str
    content: str
    format: int = 1
    written_at: str = ""
    transaction: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """The row that a log, or a part of one, continues; by default none."""

    seq: int = 0
    hash: str = GENESIS


WHOLE = Start()


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain does not hold; the message begins with changed, removed, inserted or reordered."""

    seq: int
    message: str


def link(row: Row) -> str:
    """Return the hash that a row should have, by its format: 64 hexadecimal digits of sha256 over its parts in UTF-8.

    Format 1: `seq|previous_hash|content`. Format 2: `2|seq|previous_hash|written_at|transaction|epoch|content`.

    >>> link(Row(1, GENESIS, "", "{}"))[:16]
    'f9c58de239d5b7d2'
    >>> link(Row(1, GENESIS, "", "{}", 2, "2026-03-02T12:00:00.000000Z", 7, 1))[:16]
    'eef8b2d31e6ea24a'
    """
    parts = (
        (row.seq, row.previous_hash, row.content)
        if row.format == 1
        else (row.format, row.seq, row.previous_hash, row.written_at, row.transaction, row.epoch, row.content)
    )
    # A forged file may contain invalid Unicode; its hash is then wrong, and verification goes on.
    return sha256("|".join(map(str, parts)).encode(errors="surrogatepass")).hexdigest()


def linked(row: Row) -> Row:
    """Return the row with the hash that belongs to it."""
    return replace(row, hash=link(row))


def verify(rows: Iterable[Row], *, expected_head: str | None = None, after: Start = WHOLE) -> list[Break]:
    """Return every break of a log that is read from its first row on, ordered by row; empty if it holds.

    `after` is the row that a part of a log follows. `expected_head` is the hash of the last row, noted earlier in
    another place: only with it can a removed tail, or a log rewritten from some row on, be detected. The log may have
    grown since. The rows are read once.

    >>> first = linked(Row(1, GENESIS, "", "a"))
    >>> second = linked(Row(2, first.hash, "", "b"))
    >>> verify([first, second], expected_head=second.hash)
    []
    >>> [(each.seq, each.message) for each in verify([first], expected_head=second.hash)]
    [(2, 'removed: the expected head does not follow row 1; the tail was cut off or written anew')]
    """
    walk = _Walk(after)
    head_found = expected_head is None or expected_head == after.hash
    for row in rows:
        walk.read(row)
        head_found = head_found or row.hash == expected_head
    breaks = walk.finish()
    if not head_found:
        message = f"removed: the expected head does not follow row {walk.last}; the tail was cut off or written anew"
        breaks.append(Break(walk.last + 1, message))
    return breaks


class _Walk:
    """Reads rows in stored order; `_heads` are the hashes that the next row may continue."""

    def __init__(self, start: Start) -> None:
        self.first = start.seq + 1
        self.last = start.seq
        self._heads = {start.hash}
        self._format = 1
        self._changed: set[int] = set()
        self._gaps: list[tuple[int, int]] = []
        self._breaks: list[Break] = []

    def read(self, row: Row) -> None:
        if row.hash != link(row):
            self._break(row.seq, "changed: its content does not belong to its hash")
            self._changed.add(row.seq)
        if row.format not in FORMATS:
            self._break(row.seq, f"changed: there is no format {row.format}; known are {', '.join(map(str, FORMATS))}")
        elif row.format < self._format:
            self._break(row.seq, f"inserted: it is of format {row.format}, after rows of format {self._format}")
        self._format = max(self._format, row.format)
        if row.seq > self.last:
            self._advance(row)
        elif not self._fill(row.seq):
            is_known = row.seq >= self.first
            known = f"row {row.seq} was read before, one of the two is forged"
            known = known if is_known else f"rows count from {self.first}"
            self._break(row.seq, f"inserted: {known}")
            if row.seq == self.last:
                self._heads.add(row.hash)

    def finish(self) -> list[Break]:
        for first, last in self._gaps:
            named = f"row {first} is" if first == last else f"rows {first} to {last} are"
            self._break(first, f"removed: {named} missing")
        return sorted(self._breaks, key=lambda each: each.seq)

    def _advance(self, row: Row) -> None:
        if row.seq > self.last + 1:
            self._gaps.append((self.last + 1, row.seq - 1))
        elif row.previous_hash not in self._heads and self._changed.isdisjoint({self.last, row.seq}):
            self._break(max(self.last, self.first), f"changed: row {row.seq} does not continue the hash before it")
        self.last, self._heads = row.seq, {row.hash}

    def _fill(self, seq: int) -> bool:
        """Return whether a row that comes too late closes a gap; what remains of the gap is still missing."""
        for index, (first, last) in enumerate(self._gaps):
            if first <= seq <= last:
                halves = [(first, seq - 1), (seq + 1, last)]
                self._gaps[index : index + 1] = [(low, high) for low, high in halves if low <= high]
                self._break(seq, f"reordered: it stands after row {self.last}")
                return True
        return False

    def _break(self, seq: int, message: str) -> None:
        self._breaks.append(Break(seq, message))


class NotAnExport(ValueError):
    """The text is not an export of a chain; the message names the line."""


def export_lines(rows: Iterable[Row], start: Start = WHOLE) -> Iterator[str]:
    """Yield the lines of an export: the row it follows, one line per row, and the head it ends with.

    >>> for line in export_lines([linked(Row(1, GENESIS, "", "a"))]):
    ...     print(line[:30])
    {"follows": 0, "hash": "000000
    {"seq": 1, "previous_hash": "0
    {"entries": 1, "head": "abc550
    """
    head, count = start.hash, 0
    yield json.dumps({"follows": start.seq, "hash": start.hash})
    for row in rows:
        head, count = row.hash, count + 1
        named = asdict(row)
        yield json.dumps(named if row.format > 1 else {name: named[name] for name in FIRST_FIELDS})
    yield json.dumps({"entries": count, "head": head})


def verify_export(lines: Iterable[str], *, expected_head: str | None = None) -> list[Break]:
    """Return every break of an export: its last row must have the head that it names, and `expected_head` must occur.

    `expected_head` is a hash that was noted elsewhere. Raises NotAnExport.
    """
    documents = _documents(lines)
    first = next(documents, {})
    follows, hash = first.get("follows"), first.get("hash")
    if not isinstance(follows, int) or not isinstance(hash, str):
        raise NotAnExport("line 1: an export begins with what it follows and that row's hash")
    start = Start(follows, hash)
    end: dict[str, object] = {}
    last: list[Row] = []

    def rows() -> Iterator[Row]:
        for document in documents:
            if "head" in document:
                end.update(document)
                continue
            row = _row(document)
            last[:] = [row]
            yield row

    breaks = verify(rows(), expected_head=expected_head, after=start)
    ends_with = last[0] if last else Row(start.seq, "", start.hash, "")
    if end.get("head") != ends_with.hash:
        breaks.append(Break(ends_with.seq + 1, f"removed: row {ends_with.seq} is not the head that the export names"))
    return breaks


def _documents(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    for number, line in enumerate(lines, start=1):
        try:
            document = json.loads(line)
        except ValueError as error:
            raise NotAnExport(f"line {number}: is no JSON ({error})") from error
        if not isinstance(document, dict):
            raise NotAnExport(f"line {number}: is no object; each line of an export is one")
        yield document


def _row(document: dict[str, object]) -> Row:
    read = {"format": 1, "written_at": "", "transaction": 0, "epoch": 0} | document
    seq, *texts = (read.get(name) for name in FIRST_FIELDS)
    format, written_at, transaction, epoch = (read[name] for name in ("format", "written_at", "transaction", "epoch"))
    numbers = [each for each in (seq, format, transaction, epoch) if type(each) is int]
    words = [each for each in (*texts, written_at) if isinstance(each, str)]
    if len(numbers) < 4 or len(words) < 4:
        raise NotAnExport(f"row {seq!r}: has seq, previous_hash, hash and content, a number and three texts")
    return Row(numbers[0], words[0], words[1], words[2], numbers[1], words[3], numbers[2], numbers[3])


def main(arguments: list[str]) -> int:
    """Verify the export named by the first argument, against the head in the second; return the exit code.

    0: the chain holds; 1: it does not; 2: wrong usage or unreadable file.
    """
    if not 1 <= len(arguments) <= 2:
        print("usage: chain.py EXPORT [HEAD]")
        return 2
    head = arguments[1] if len(arguments) == 2 else None
    try:
        with Path(arguments[0]).open(encoding="utf-8") as lines:
            breaks = verify_export(lines, expected_head=head)
    except (OSError, ValueError) as error:
        print(f"{arguments[0]}: {error}")
        return 2
    for each in breaks:
        print(f"row {each.seq}: {each.message}")
    print(f"{arguments[0]}: {'does not hold' if breaks else 'the chain holds'}")
    return 1 if breaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
