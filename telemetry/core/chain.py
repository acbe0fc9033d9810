"""The audit chain: every row carries the hash of the one before it, so nothing inside can change unseen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the log as stored; `content` is its canonical JSON text, `seq` counts from 1 without gaps."""

    seq: int
    previous_hash: str
    hash: str
    content: str


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold; the message begins with changed, removed, inserted or reordered."""

    seq: int
    message: str


def link(seq: int, previous_hash: str, content: str) -> str:
    """The hash of a row: 64 hexadecimal digits of sha256 over `seq|previous_hash|content` in UTF-8.

    >>> link(1, GENESIS, "{}")[:16]
    'f9c58de239d5b7d2'
    """
    # A forged file may hold what is no Unicode; it then has a wrong hash instead of stopping its verification.
    return sha256(f"{seq}|{previous_hash}|{content}".encode(errors="surrogatepass")).hexdigest()


def verify(rows: Iterable[Row], *, expected_head: str | None = None) -> list[Break]:
    """Every break of a log read from its first row on, ordered by row; empty means whole. Reads a stream once.

    `expected_head` is the hash of the last row as noted earlier, in another place: only it can show that the tail was
    cut off, or that the log was written anew from some row on. The log may have grown since.

    >>> first = Row(1, GENESIS, link(1, GENESIS, "a"), "a")
    >>> second = Row(2, first.hash, link(2, first.hash, "b"), "b")
    >>> verify([first, second], expected_head=second.hash)
    []
    >>> [(each.seq, each.message) for each in verify([first], expected_head=second.hash)]
    [(2, 'removed: the expected head does not follow row 1; the tail was cut off or written anew')]
    """
    walk = _Walk()
    head_found = expected_head is None or expected_head == GENESIS
    for row in rows:
        walk.read(row)
        head_found = head_found or row.hash == expected_head
    breaks = walk.finish()
    if not head_found:
        message = f"removed: the expected head does not follow row {walk.last}; the tail was cut off or written anew"
        breaks.append(Break(walk.last + 1, message))
    return breaks


class _Walk:
    """Reads rows in the order they stand; `heads` are the hashes the next row may continue."""

    def __init__(self) -> None:
        self.last = 0
        self._heads = {GENESIS}
        self._changed: set[int] = set()
        self._gaps: list[tuple[int, int]] = []
        self._breaks: list[Break] = []

    def read(self, row: Row) -> None:
        if row.hash != link(row.seq, row.previous_hash, row.content):
            self._break(row.seq, "changed: its content does not belong to its hash")
            self._changed.add(row.seq)
        if row.seq > self.last:
            self._advance(row)
        elif not self._fill(row.seq):
            known = f"row {row.seq} was read before, one of the two is forged" if row.seq > 0 else "rows count from 1"
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
            self._break(max(self.last, 1), f"changed: row {row.seq} does not continue the hash before it")
        self.last, self._heads = row.seq, {row.hash}

    def _fill(self, seq: int) -> bool:
        """Whether a row that stands too late closes a gap; what stays open of it is missing still."""
        for index, (first, last) in enumerate(self._gaps):
            if first <= seq <= last:
                halves = [(first, seq - 1), (seq + 1, last)]
                self._gaps[index : index + 1] = [(low, high) for low, high in halves if low <= high]
                self._break(seq, f"reordered: it stands after row {self.last}")
                return True
        return False

    def _break(self, seq: int, message: str) -> None:
        self._breaks.append(Break(seq, message))
