"""Verify the audit trail: its chain, the heads noted outside the database, and the rows that its entries are about.

Every check reads the whole chain once, because a rewritten old entry can be detected in no other way. Comparisons with
rows read along. The setting AUDIT_COMPARISONS names them, one for each area, because the trail knows no area's tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils.module_loading import import_string

from telemetry.audit.alarms import VERIFY_AUDIT, CheckFailed, is_acknowledged
from telemetry.audit.audit_log import verify_audit
from telemetry.audit.head_file import NotedHeads, note_head, noted_heads, remember_beginning
from telemetry.audit.nightly_check import run_check
from telemetry.core.audit_facts import Finding, NotReadable, TrailComparison, is_of_its_time, read_entry
from telemetry.core.hash_chain import Row
from telemetry.core.noted_heads import Head, compare_heads, verified_up_to
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.snapshot import one_snapshot


class ChainBroken(CheckFailed):
    """The audit trail does not verify."""


@dataclass(frozen=True)
class Verification:
    """The result of a check: findings, number of entries, the last entry, and the heads that were compared."""

    findings: tuple[Finding, ...]
    entries: int
    last: Row | None
    noted: NotedHeads


def verify_trail(*, full: bool = False, expected_head: str | None = None) -> Verification:
    """Verify the chain, and compare it with the heads noted outside the database and with the rows it is about.

    Slow comparisons leave out what an earlier check verified, unless `full`. `expected_head` is the hash of one more
    entry that must occur. Everything is read as of one moment.
    """
    with one_snapshot():
        noted = noted_heads()
        reader = _Reader({head.seq for head in noted.heads})
        found = [Finding.of_break(each) for each in verify_audit(expected_head=expected_head, reading=reader.read)]
        found += [*reader.findings, *noted.findings]
        found += compare_heads(noted.heads, reader.hashes, reader.last.seq if reader.last else 0)
        since = 0 if full else verified_up_to(noted.heads)
        for comparison in reader.comparisons:
            found += comparison.findings(since=since)
    return Verification(tuple(found), reader.entries, reader.last, noted)


def verify_nightly(*, now: datetime) -> None:
    """Verify the trail once a day, and note its head for later checks.

    Raises ChainBroken with all findings, unless a person has acknowledged exactly these.
    """
    try:
        run_check(VERIFY_AUDIT, now=now, work=lambda: _verified_and_noted(now))
    finally:
        remember_beginning(at=datetime.now(UTC))  # not in the run, which sees the trail of another moment


def _verified_and_noted(now: datetime) -> int:
    """Return the number of entries. The head is noted even if something was found, because later checks need it."""
    checked = verify_trail()
    found = list(checked.findings)
    is_explained = not found or is_acknowledged(VERIFY_AUDIT, found)
    if checked.last is not None and (is_explained or not checked.noted.is_lost):
        prevented = note_head(Head(checked.last.seq, checked.last.hash, utc_text(now), verified=is_explained))
        found += [prevented] if prevented is not None else []
    if found:
        raise ChainBroken(found, checked=checked.entries)
    return checked.entries


class _Reader:
    """Reads each row of the chain for itself and for the comparisons."""

    def __init__(self, noted: set[int]) -> None:
        self.comparisons: list[TrailComparison] = [import_string(each)() for each in settings.AUDIT_COMPARISONS]
        self.findings: list[Finding] = []
        self.hashes: dict[int, str] = {}
        self.entries = 0
        self.last: Row | None = None
        self._noted = noted

    def read(self, row: Row) -> None:
        self.entries += 1
        self.last = row
        if row.seq in self._noted:
            self.hashes[row.seq] = row.hash
        try:
            entry = read_entry(row)
        except NotReadable as error:
            self._find(row, str(error))
            return
        if not is_of_its_time(row, entry):
            self._find(row, f"is stored as written at {row.written_at}, and says {entry.at}")
        for comparison in self.comparisons:
            try:
                comparison.read(entry)
            except (ValueError, TypeError, KeyError, AttributeError) as error:  # whatever was forged into it
                self._find(row, f"cannot be compared with rows: {entry.action} of {entry.object} ({error!r})")

    def _find(self, row: Row, message: str) -> None:
        self.findings.append(Finding(f"audit entry {row.seq}", message))
