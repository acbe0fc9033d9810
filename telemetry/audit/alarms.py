"""Alarms: what a check found stands in the audit trail until it verifies again or a person acknowledges it.

The trail is used because the role of the processes can neither change nor remove its entries, while it may delete the
records of job runs. An entry is written only where what stands changes, so a finding that stays the same is one alarm.
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

VERIFY_AUDIT, REPLAY = "verify audit", "replay"
CHECKS = (VERIFY_AUDIT, REPLAY)  # the jobs whose findings raise an alarm
RAISE, ACKNOWLEDGE, END = "alarm", "acknowledge", "verified again"
NAMED = 20


class CheckFailed(RuntimeError):
    """A check found something; the message names the first findings."""

    def __init__(self, findings: Collection[Finding], *, checked: int = 0, introduction: str = "") -> None:
        self.findings = tuple(findings)
        self.checked = checked
        super().__init__(introduction + in_words(findings))


class NothingToAcknowledge(ValueError):
    """There is no such alarm, or it was acknowledged before, or it changed since it was shown."""


@dataclass(frozen=True)
class Alarm:
    """What a check found and nobody has explained or mended. `digest` identifies all of it, `findings` are the first.

    `acknowledged_by` and `acknowledged_for` name a person who has explained exactly this, and the reason given.
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
        """Whether a person has acknowledged it as it stands."""
        return bool(self.acknowledged_by)

    @property
    def more(self) -> int:
        """How many findings are not named."""
        return self.count - len(self.findings)


def in_words(findings: Collection[Finding], named: int = NAMED) -> str:
    """The first findings in one line, and how many more there are."""
    listed = "; ".join(str(each) for each in list(findings)[:named])
    return f"{listed} and {len(findings) - named} more" if len(findings) > named else listed


def digest_of(findings: Iterable[Finding]) -> str:
    """What identifies these findings in whatever order: 64 hexadecimal digits."""
    return sha256("\n".join(sorted(each.identity for each in findings)).encode()).hexdigest()


def alarm_of(check: str) -> Alarm | None:
    """The alarm that stands for a check, acknowledged or not; None where it verified since."""
    return next(iter(_standing([check])), None)


def alarms() -> list[Alarm]:
    """The alarms that stand, those that nobody has acknowledged first."""
    return sorted(_standing(CHECKS), key=lambda alarm: alarm.is_acknowledged)


def _standing(checks: Iterable[str]) -> Iterator[Alarm]:
    """The newest entry that raises or ends the alarm of each check says whether it stands; read in one query."""
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
    digest, count, findings = (raised.says(name) for name in ("digest", "count", "findings"))
    named = tuple(map(str, findings)) if isinstance(findings, list) else (raised.reason,)
    alarm = Alarm(check, raised.at, str(digest), count if type(count) is int else len(named), named)
    explained = _entry(word) if word is not None and word.seq > row.seq else None
    if explained is None or explained.says("digest") != digest:
        return alarm
    return replace(alarm, acknowledged_by=explained.actor, acknowledged_for=explained.reason)


def _entry(row: AuditEntry) -> Entry | None:
    """An entry as it was written; None for one that this system did not write."""
    try:
        return read_entry(Row(row.seq, row.previous_hash, row.hash, row.content))
    except NotReadable:
        return None


def is_acknowledged(check: str, findings: Collection[Finding]) -> bool:
    """Whether a person has acknowledged exactly these findings."""
    alarm = alarm_of(check)
    return alarm is not None and alarm.is_acknowledged and alarm.digest == digest_of(findings)


@transaction.atomic
def raise_alarm(check: str, findings: Collection[Finding], *, at: datetime) -> bool:
    """Write the alarm into the trail; False where the same one stands already."""
    digest, standing = digest_of(findings), alarm_of(check)
    if standing is not None and standing.digest == digest:
        return False
    after = {"digest": digest, "count": len(findings), "findings": [str(each) for each in list(findings)[:NAMED]]}
    _write(RAISE, check, MACHINE, in_words(findings, 1), after, at)
    return True


@transaction.atomic
def end_alarm(check: str, *, at: datetime) -> bool:
    """Write that a check verifies again; False where no alarm stood."""
    standing = alarm_of(check)
    if standing is None:
        return False
    _write(END, check, MACHINE, "the check found nothing any more", {"digest": standing.digest}, at)
    return True


@transaction.atomic
def acknowledge_alarm(check: str, *, digest: str, by: str, reason: str, at: datetime) -> None:
    """Write that a person explains what was found: the alarm is shown in red no longer, until something else is found.

    `digest` names what the person saw. Raises NothingToAcknowledge, and ValueError without a reason.
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
