"""Audit of people: inside `people_audited`, each change of a person or group becomes one audit entry.

The database refuses every other change of users, groups and their permissions (`models/sql`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models.signals import m2m_changed, pre_delete, pre_save

from config.access.people_state import Member, People, people_now
from overrides.core.governance.permissions import REVIEW
from telemetry.audit.audit_log import write_audit
from telemetry.audit.notices import write_notice

UNGOVERNED = {"last_login"}  # written by every login
RIGHTS = {"groups", "permissions", "is_superuser", "is_staff"}
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('people', 0))"


class _Block:
    """The state of all people before the first write of a block; it is read only if there is a write."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.before: People | None = None

    def read_state(self) -> None:
        """Read the state once, holding off other changes of people until the transaction ends."""
        if self.before is None:
            with connections[self.using].cursor() as cursor:
                cursor.execute(LOCK)
            self.before = people_now(self.using)


_CURRENT: ContextVar[_Block | None] = ContextVar("people_audited", default=None)


@contextmanager
def people_audited(
    *, actor: str, at: datetime, reason: str = "", action: str = "", using: str = DEFAULT_DB_ALIAS
) -> Iterator[None]:
    """Run the block in a transaction and write one audit entry for each person or group that it changed.

    `actor` is the name of a person, `command <name>` or `migration <name>`; `action` replaces the action derived from
    the changes. A change by which somebody may approve, and a password that another person sets for somebody who may
    approve, also get a notice to everybody who approves. A nested block leaves its entries to the outer block.
    """
    if _CURRENT.get() is not None:
        yield
        return
    block = _Block(using)
    with transaction.atomic(using=using):
        token = _CURRENT.set(block)
        try:
            yield
        finally:
            _CURRENT.reset(token)
        if block.before is not None:
            writer = _EntryWriter(block.before, people_now(using), actor, reason, action, at, using)
            writer.write_all()


def note_people_change(*, update_fields: Any = None, **_: object) -> None:
    """Read the state of people before a write; called by Django's signals, and by code whose writes send none."""
    block = _CURRENT.get()
    if block is not None and not (update_fields and UNGOVERNED.issuperset(update_fields)):
        block.read_state()


def connect_signals() -> None:
    """Connect `note_people_change` to every write of users and groups through Django's models."""
    for model in (User, Group):
        pre_save.connect(note_people_change, sender=model, dispatch_uid=f"people {model.__name__} saved")
    pre_delete.connect(note_people_change, sender=Group, dispatch_uid="people group deleted")
    for relation in (User.groups, User.user_permissions, Group.permissions):
        m2m_changed.connect(note_people_change, sender=relation.through, dispatch_uid=f"people {relation.through}")


@dataclass(frozen=True, slots=True)
class _EntryWriter:
    """Writes the differences between two states as audit entries of one actor."""

    before: People
    after: People
    actor: str
    reason: str
    action: str
    at: datetime
    using: str

    def write_all(self) -> None:
        """Write one entry for each person or group that differs, groups first."""
        for key in sorted(self.before.members.keys() | self.after.members.keys()):
            old, new = self.before.members.get(key), self.after.members.get(key)
            if old != new:
                self._write(old, new)

    def _write(self, old: Member | None, new: Member | None) -> None:
        member = new or old
        assert member is not None
        before, after = _differences(old, new), _differences(new, old)
        entry = write_audit(
            actor=self.actor,
            action=self.action or _action(before, after, is_own=self.actor == member.name),
            object=f"{member.type} {member.name}",
            reason=self.reason,
            before=before,
            after=after,
            at=self.at,
            using=self.using,
        )
        if new is not None and self._affects_approval(old, new):
            write_notice(entry, audience=REVIEW, using=self.using)

    def _affects_approval(self, old: Member | None, new: Member) -> bool:
        """Return whether somebody may approve by this change, or got a new password from another person."""
        if new.type == "group":
            is_given = REVIEW in new.fields["permissions"] and (old is None or REVIEW not in old.fields["permissions"])
            return is_given and bool(self.after.reviewers_in(new.name))
        if not self.after.may_review(new):
            return False
        if old is None or not old.fields["is_active"]:
            return True
        joined = set(new.fields["groups"]) - set(old.fields["groups"])
        return (
            new.fields["is_superuser"] > old.fields["is_superuser"]
            or (REVIEW in new.fields["permissions"]) > (REVIEW in old.fields["permissions"])
            or not joined.isdisjoint(self.after.reviewing_groups)
            or (old.password != new.password and self.actor != new.name)
        )


def _differences(member: Member | None, other: Member | None) -> dict[str, Any] | None:
    """Return the fields of `member` that differ from `other`; of a password, only whether there is one."""
    if member is None:
        return None
    shared = {} if other is None else other.fields
    fields = {name: value for name, value in member.fields.items() if name not in shared or shared[name] != value}
    if member.type == "person" and (other is None or member.password != other.password):
        fields["password"] = "set" if member.has_password else "none"
    return fields


def _action(before: dict[str, Any] | None, after: dict[str, Any] | None, *, is_own: bool) -> str:
    """Return the action of an entry with these differences."""
    if before is None or after is None:
        return "add" if before is None else "remove"
    changed = after.keys()
    if changed == {"password"}:
        return "change password" if is_own else "set password"
    if changed == {"is_active"}:
        return "activate" if after["is_active"] else "deactivate"
    if changed == {"name"}:
        return "rename"
    return "change rights" if changed <= RIGHTS else "change"
