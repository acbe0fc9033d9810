"""Notices of audit entries: written with their entry, and shown to each reader until acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet

from telemetry.audit.audit_log import write_audit
from telemetry.models import Acknowledgement, Notice


def write_notice(entry: int, *, audience: str, using: str = DEFAULT_DB_ALIAS) -> None:
    """Show the audit entry with this number to everybody who has the permission `audience`.

    Call it in the transaction that wrote the entry, on the same connection; the database refuses later notices.
    """
    Notice.objects.using(using).create(entry_id=entry, audience=audience)


def unread(person: User) -> QuerySet[Notice]:
    """Return the notices that a person has to read and has not acknowledged, newest first, with their entries."""
    own = Acknowledgement.objects.filter(person=person)
    rows = Notice.objects.filter(audience__in=person.get_all_permissions()).exclude(pk__in=own.values("notice_id"))
    return rows.select_related("entry").order_by("-entry_id")


@transaction.atomic
def acknowledge(notices: Iterable[int], *, by: User, at: datetime) -> int:
    """Acknowledge the notices with these ids for `by`, each with an audit entry; return how many were unread.

    Notices for other readers and notices acknowledged before are skipped.
    """
    acknowledged = 0
    for row in unread(by).filter(pk__in=list(notices)).order_by("pk"):
        _, is_new = Acknowledgement.objects.get_or_create(
            notice=row, person=by, defaults={"acknowledged_at": at}
        )  # a second click at the same time finds the row of the first
        if is_new:
            acknowledged += 1
            write_audit(
                actor=by.get_username(), action="acknowledge", object=f"notice {row.pk}", reason="",
                before=None, after={"entry": row.entry_id}, at=at,
            )  # fmt: skip
    return acknowledged
