"""Verify the audit trail: its chain, the heads noted outside the database, and the rows that its entries are about.

A whole check reads the chain from its first entry on, because a rewritten old entry or row can be detected in no other
way. Comparisons with rows read along. The setting AUDIT_COMPARISONS names them, one for each area, because the trail
knows no area's tables. While a whole check is cheap each night makes one. Beyond WHOLE_UP_TO entries a night goes on
from the last verified head, and a whole check follows at the latest WHOLE_EVERY after the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from telemetry.audit.alarms import VERIFY_AUDIT, CheckFailed, alarm_of, is_acknowledged
from telemetry.audit.audit_log import verify_audit
from telemetry.audit.head_file import NotedHeads, note_head, noted_heads, remember_beginning
from telemetry.audit.nightly_check import run_check
from telemetry.core.audit_facts import Finding, NotReadable, TrailComparison, is_of_its_time, read_entry
from telemetry.core.hash_chain import Row
from telemetry.core.noted_heads import Head, compare_heads, last_verified, verified_up_to
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.job_runs import Done
from telemetry.foundation.snapshot import one_snapshot
from telemetry.models import AuditEntry

WHOLE_UP_TO = 100_000  # entries: about 3.5 seconds of CPU
WHOLE_EVERY = timedelta(days=6, hours=12)  # so that the seventh night is one, also if it is a little early


class ChainBroken(CheckFailed):
    """The audit trail does not verify."""


@dataclass(frozen=True)
class Verification:
    """The result of a check: findings, number of entries read, the last entry, and the heads that were compared.

    `first` is the entry from which on the chain was read; `is_whole` says that it was read from its first one on and
    compared with the rows.
    """

    findings: tuple[Finding, ...]
    entries: int
    last: Row | None
    noted: NotedHeads
    first: int = 1
    is_whole: bool = True

    def detail(self) -> dict[str, Any]:
        """Return what was verified and when all of it last was, as the record of the run says it."""
        last = 0 if self.last is None else self.last.seq
        whole = last_verified(self.noted.heads, whole=True)
        read = f"{self.first} to {last}" if last else "none"
        return {
            "entries read": read,
            "heads compared": len(self.noted.heads),
            "rows compared": "all" if self.is_whole else f"at {whole.at if whole else 'no time'}, with the whole chain",
        }


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


def verify_new(after: Head, noted: NotedHeads) -> Verification:
    """Verify the chain from a verified head on, and all noted heads; compare no rows."""
    reader = _Reader(set(), compares=False)
    found = [Finding.of_break(each) for each in verify_audit(reading=reader.read, first=after.seq)]
    hashes = dict(AuditEntry.objects.filter(seq__in=[head.seq for head in noted.heads]).values_list("seq", "hash"))
    last = reader.last.seq if reader.last else 0
    found += [*reader.findings, *noted.findings, *compare_heads(noted.heads, hashes, last)]
    return Verification(tuple(found), reader.entries, reader.last, noted, first=after.seq, is_whole=False)


def verify_nightly(*, now: datetime) -> None:
    """Verify the trail once a day, and note its head for later checks.

    Raises ChainBroken with all findings, unless a person has acknowledged exactly these.
    """
    try:
        run_check(VERIFY_AUDIT, now=now, work=lambda: _verified_and_noted(now))
    finally:
        remember_beginning(at=datetime.now(UTC))  # not in the run, which sees the trail of another moment


def _verified_and_noted(now: datetime) -> Done:
    """Return the number of entries read. The head is noted even if something was found: later checks need it."""
    checked = _of_tonight(now)
    found = list(checked.findings)
    is_explained = not found or is_acknowledged(VERIFY_AUDIT, found)
    if checked.last is not None and (is_explained or not checked.noted.is_lost):
        last = checked.last
        head = Head(last.seq, last.hash, utc_text(now), verified=is_explained, whole=checked.is_whole)
        prevented = note_head(head)
        found += [prevented] if prevented is not None else []
    if found:
        raise ChainBroken(found, checked=checked.entries)
    return Done(checked.entries, checked.detail())


def _of_tonight(now: datetime) -> Verification:
    """Go on from the last verified head, or verify all; all as well where going on finds something."""
    noted = noted_heads()
    after = _verified_point(noted, now)
    if after is not None:
        checked = verify_new(after, noted)
        if not checked.findings:
            return checked
    return verify_trail()


def _verified_point(noted: NotedHeads, now: datetime) -> Head | None:
    """Return the head from which tonight's check may go on; None if it has to be a whole one.

    It has to be while the trail is short, if the last whole check is too long ago or in the future, and while an alarm
    stands, which only a whole check may end.
    """
    whole = last_verified(noted.heads, whole=True)
    if noted.findings or whole is None or not AuditEntry.objects.filter(seq__gt=WHOLE_UP_TO).exists():
        return None
    if not timedelta(0) <= now - _moment(whole) <= WHOLE_EVERY or alarm_of(VERIFY_AUDIT) is not None:
        return None
    return last_verified(noted.heads)


def _moment(head: Head) -> datetime:
    """Return the time of a head; a time that cannot be read counts as long ago."""
    try:
        return datetime.fromisoformat(head.at).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


class _Reader:
    """Reads each row of the chain for itself and for the comparisons."""

    def __init__(self, noted: set[int], *, compares: bool = True) -> None:
        named = settings.AUDIT_COMPARISONS if compares else ()
        self.comparisons: list[TrailComparison] = [import_string(each)() for each in named]
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
