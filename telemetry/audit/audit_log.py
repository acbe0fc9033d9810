"""One audit entry per governed write, in the same transaction; the database links it into the chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max, Min, QuerySet

from telemetry.core.hash_chain import WHOLE, Break, Row, Start, export_lines, verify
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.request_id import request_id
from telemetry.models import AuditEntry

INSERT = """
INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction)
VALUES (0, '', '', %s, %s, 0) RETURNING seq
"""


def write_audit(
    *,
    actor: str,
    action: str,
    object: str,
    reason: str,
    before: Any,
    after: Any,
    at: datetime,
) -> int:
    """Append what `actor` did to `object` and why; the entry's number. `before` and `after` are JSON values.

    The entry also keeps the id of the request in hand (`telemetry.correlation`).

    Call it inside the transaction of the write it tells of: both stand or fall together.
    """
    content = fact_json(
        {
            "actor": actor,
            "action": action,
            "object": object,
            "reason": reason,
            "before": before,
            "after": after,
            "at": at,
            "request_id": request_id(),
        }
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [content, at])
        seq: int = cursor.fetchone()[0]
    return seq


def chain_rows(entries: QuerySet[AuditEntry] | None = None) -> Iterator[Row]:
    """The chain, or these entries of it, from its first one on, streamed."""
    chosen = (AuditEntry.objects.all() if entries is None else entries).order_by("seq")
    fields = chosen.values_list("seq", "previous_hash", "hash", "content")
    return (Row(*entry) for entry in fields.iterator(chunk_size=2000))


def verify_audit(*, expected_head: str | None = None) -> list[Break]:
    """Every break of the stored chain, named by row; an `expected_head` kept elsewhere also shows a cut tail."""
    return verify(chain_rows(), expected_head=expected_head)


def export_part(since: datetime | None, until: datetime | None) -> Iterator[str]:
    """The entries from the first of [since, until) to its last as an export that is verified by itself.

    Nothing between is left out: entries are chained in the order of their commits, not of the times they tell.
    """
    told = AuditEntry.objects.all()
    told = told if since is None else told.filter(written_at__gte=since)
    told = told if until is None else told.filter(written_at__lt=until)
    ends = told.aggregate(first=Min("seq"), last=Max("seq"))
    first, last = ends["first"], ends["last"]
    if first is None:
        return export_lines([])
    before = AuditEntry.objects.filter(seq=first - 1).values_list("seq", "hash").first()
    part = AuditEntry.objects.filter(seq__range=(first, last))
    return export_lines(chain_rows(part), WHOLE if before is None else Start(*before))
