"""The file outside the database in which each nightly check notes the head of the audit chain.

The setting AUDIT_HEAD_FILE names the file. It only grows, by one line for each check. It is evidence only if whoever
can rewrite the database cannot write the file: keep it on another disk or host, or append-only (`chattr +a`).
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from telemetry.audit.audit_log import MACHINE, write_audit
from telemetry.core.audit_facts import Finding
from telemetry.core.noted_heads import Head, line_of, read_heads
from telemetry.models import AuditEntry

logger = logging.getLogger(__name__)

OBJECT = "heads of the trail"
BEGIN = "begin to note"
LOST = "bring it back from a copy; without it a cut tail or an older backup goes unnoticed"


@dataclass(frozen=True)
class NotedHeads:
    """What the file contains and what is wrong with it. `is_lost`: heads were noted and none of them is there."""

    heads: tuple[Head, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_lost: bool = False


def noted_heads() -> NotedHeads:
    """Read the file. A missing file is a finding, unless the trail has no entry that says that heads are noted."""
    try:
        heads, unreadable = read_heads(_text().splitlines())
    except (OSError, ValueError) as error:
        return NotedHeads(findings=(_finding(f"cannot be read ({error}); {LOST}"),), is_lost=True)
    if heads or unreadable:
        found = [_finding(f"line {number} holds no head: it was changed, or torn; {LOST}") for number in unreadable]
        return NotedHeads(tuple(heads), tuple(found))
    began = _beginning()
    if began is None:
        logger.info("no head of the audit trail was noted before; this check notes the first")
        return NotedHeads()
    what = "holds no head any more" if _file().exists() else "is not there any more"
    return NotedHeads(findings=(_finding(f"{what}, though heads are noted since entry {began}; {LOST}"),), is_lost=True)


def note_head(head: Head) -> Finding | None:
    """Append a head to the file and wait until it is on the disk. Return a finding if that fails."""
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _append(file, line_of(head).encode())
    except OSError as error:
        return _finding(f"no head can be noted in it ({error.strerror or error}); name another by AUDIT_HEAD_FILE")
    return None


def remember_beginning(*, at: datetime) -> None:
    """Write into the trail, once, that heads are noted, so that a file that disappears is noticed."""
    with suppress(OSError, ValueError):  # a file that cannot be read is a finding of the check itself
        if _beginning() is None and _text():
            _write_beginning(at)


def _write_beginning(at: datetime) -> None:
    reason = "no head was noted before; from now on each nightly check compares the trail with all that were"
    after = {"file": str(_file())}
    write_audit(actor=MACHINE, action=BEGIN, object=OBJECT, reason=reason, before=None, after=after, at=at)


def _beginning() -> int | None:
    """Return the number of the entry that says that heads are noted, if there is one."""
    began = AuditEntry.objects.filter(object=OBJECT, action=BEGIN).order_by("seq")
    return began.values_list("seq", flat=True).first()


def _text() -> str:
    """Return the text of the file; empty if there is no file."""
    try:
        return _file().read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _append(file: Path, line: bytes) -> None:
    """Append the line in one write; begin a new line if the last one is incomplete."""
    is_new = not file.exists()
    is_torn = not is_new and file.read_bytes()[-1:] not in (b"", b"\n")
    data = b"\n" + line if is_torn else line
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError("the disk is full")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_directory(file.parent)


def _sync_directory(directory: Path) -> None:
    """Write the name of a new file to the disk, so that it survives a crash."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file() -> Path:
    return Path(settings.AUDIT_HEAD_FILE)


def _finding(message: str) -> Finding:
    return Finding(f"file of heads {_file()}", message)
