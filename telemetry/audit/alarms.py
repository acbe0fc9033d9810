"""Alarms: what a nightly check found is kept in the audit trail until it verifies again or a person acknowledges it.

The trail is used because the application role can neither change nor remove its entries, while it may delete the
records of job runs. Findings that stay the same are one alarm with one entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Q

from telemetry.audit.audit_log import MACHINE, write_audit
from telemetry.core.audit_facts import Entry, Finding, NotReadable, read_entry
from telemetry.core.hash_chain import Row
from telemetry.models import AuditEntry

VERIFY_AUDIT, REPLAY, EVIDENCE = "verify audit", "replay", "published evidence"
CHECKS = (VERIFY_AUDIT, REPLAY, EVIDENCE)  # the jobs whose findings raise an alarm
RAISE, ACKNOWLEDGE, END = "alarm", "acknowledge", "verified again"
NAMED = 20


class CheckFailed(RuntimeError):
    """A check found something; the message names the first findings."""

    def __init__(self, findings: Collection[Finding], *, checked: int = 0, introduction: str = "") -> None:
        self.findings = tuple(findings)
        self.checked = checked
        super().__init__(introduction + in_words(findings))


class NothingToAcknowledge(ValueError):
    """There is no such alarm, it was acknowledged before, or it has changed since it was shown."""


@dataclass(frozen=True)
class Alarm:
    """What a check found. `digest` identifies all findings, `findings` are the first of them in words.

    `acknowledged_by` and `acknowledged_for` are the person who acknowledged exactly these findings, and the reason.
    """

    check: str
    raised_at: str
    digest: str
    count: int
    findings: tuple[str, ...]
    acknowledged_by: str = ""
    acknowledged_for: str = ""

    @property
    def is_acknowledged(self) -> bool:
        """Whether a person has acknowledged these findings."""
        return bool(self.acknowledged_by)

    @property
    def more(self) -> int:
        """The number of findings that are not listed."""
        return self.count - len(self.findings)


def in_words(findings: Collection[Finding], named: int = NAMED) -> str:
    """Return the first findings as one line, and the number of the others."""
    listed = "; ".join(str(each) for each in list(findings)[:named])
    return f"{listed} and {len(findings) - named} more" if len(findings) > named else listed


def digest_of(findings: Iterable[Finding]) -> str:
    """Return 64 hexadecimal digits that identify the findings in any order."""
    return sha256("\n".join(sorted(each.identity for each in findings)).encode()).hexdigest()


def alarm_of(check: str) -> Alarm | None:
    """Return the alarm of a check, acknowledged or not; None if there is none or the check has found nothing since."""
    return next(iter(_standing([check])), None)


def alarms() -> list[Alarm]:
    """Return the current alarms, unacknowledged ones first."""
    return sorted(_standing(CHECKS), key=lambda alarm: alarm.is_acknowledged)


def _standing(checks: Iterable[str]) -> Iterator[Alarm]:
    """Yield the current alarms: those whose newest entry raises one. One query, whatever the number of entries."""
    objects = {_object(check): check for check in checks}
    about = AuditEntry.objects.filter(object__in=objects, action__in=(RAISE, END, ACKNOWLEDGE))
    newest = about.annotate(is_word=Q(action=ACKNOWLEDGE)).order_by("object", "is_word", "-seq")
    rows = list(newest.distinct("object", "is_word"))
    words = {row.object: row for row in rows if row.action == ACKNOWLEDGE}
    for row in rows:
        if row.action == RAISE:
            yield _alarm(objects[row.object], row, words.get(row.object))


def _alarm(check: str, row: AuditEntry, word: AuditEntry | None) -> Alarm:
    raised = _entry(row)
    if raised is None:
        return Alarm(check, "", row.hash, 1, (f"audit entry {row.seq} raises it, and says nothing about it",))
    digest, count, findings = (raised.field(name) for name in ("digest", "count", "findings"))
    named = tuple(map(str, findings)) if isinstance(findings, list) else (raised.reason,)
    alarm = Alarm(check, raised.at, str(digest), count if type(count) is int else len(named), named)
    explained = _entry(word) if word is not None and word.seq > row.seq else None
    if explained is None or explained.field("digest") != digest:
        return alarm
    return replace(alarm, acknowledged_by=explained.actor, acknowledged_for=explained.reason)


def _entry(row: AuditEntry) -> Entry | None:
    """Return the content of an entry; None if this system did not write it."""
    try:
        return read_entry(Row(row.seq, row.previous_hash, row.hash, row.content))
    except NotReadable:
        return None


def is_acknowledged(check: str, findings: Collection[Finding]) -> bool:
    """Return whether a person has acknowledged exactly these findings."""
    alarm = alarm_of(check)
    return alarm is not None and alarm.is_acknowledged and alarm.digest == digest_of(findings)


@transaction.atomic
def raise_alarm(check: str, findings: Collection[Finding], *, at: datetime) -> bool:
    """Write the alarm into the trail. Return False if the same alarm exists already."""
    digest, standing = digest_of(findings), alarm_of(check)
    if standing is not None and standing.digest == digest:
        return False
    after = {"digest": digest, "count": len(findings), "findings": [str(each) for each in list(findings)[:NAMED]]}
    _write(RAISE, check, MACHINE, in_words(findings, 1), after, at)
    return True


@transaction.atomic
def end_alarm(check: str, *, at: datetime) -> bool:
    """Write into the trail that a check finds nothing any more. Return False if there was no alarm."""
    standing = alarm_of(check)
    if standing is None:
        return False
    _write(END, check, MACHINE, "the check found nothing any more", {"digest": standing.digest}, at)
    return True


@transaction.atomic
def acknowledge_alarm(check: str, *, digest: str, by: str, reason: str, at: datetime) -> None:
    """Write into the trail that a person explains the findings. Other findings raise the alarm again.

    `digest` identifies the findings that the person saw. Raises NothingToAcknowledge, and ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("reason: say how it is explained, and what was done")
    standing = alarm_of(check)
    if standing is None or standing.is_acknowledged:
        raise NothingToAcknowledge(f"{check}: no alarm waits to be acknowledged")
    if standing.digest != digest:
        raise NothingToAcknowledge(f"{check}: something else was found since you opened the page; look at it first")
    _write(ACKNOWLEDGE, check, by, reason, {"digest": digest}, at)


def _object(check: str) -> str:
    return f"check {check}"


def _write(action: str, check: str, actor: str, reason: str, after: dict[str, object], at: datetime) -> None:
    write_audit(actor=actor, action=action, object=_object(check), reason=reason, before=None, after=after, at=at)
