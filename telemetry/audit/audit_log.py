"""Write, stream, verify and export the audit log; the database links its entries into a hash chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Max, Min, QuerySet

from telemetry.core.hash_chain import WHOLE, Break, Row, Start, export_lines, verify
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.request_id import request_id
from telemetry.models import AuditEntry

INSERT = """
INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction, format, epoch)
VALUES (0, '', '', %s, %s, 0, 0, 0) RETURNING seq
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
    using: str = DEFAULT_DB_ALIAS,
) -> int:
    """Append one audit entry and return its sequence number. Call it inside the transaction of the governed write.

    The entry says what `actor` did to `object` and why; `before` and `after` are JSON values. It also holds the id of
    the current request (`telemetry.foundation.request_id`). Entry and write are committed or rolled back together,
    so both go through the same connection (`using`).
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
    with connections[using].cursor() as cursor:
        cursor.execute(INSERT, [content, at])
        seq: int = cursor.fetchone()[0]
    return seq


def chain_rows(entries: QuerySet[AuditEntry] | None = None) -> Iterator[Row]:
    """Stream the entries as chain rows in order of `seq`; None stands for the whole chain."""
    chosen = (AuditEntry.objects.all() if entries is None else entries).order_by("seq")
    fields = chosen.values_list(
        "seq", "previous_hash", "hash", "content", "format", "written_at", "transaction", "epoch"
    )
    return (
        Row(seq, previous, hash, content, format, _written(at), transaction, epoch)
        for seq, previous, hash, content, format, at, transaction, epoch in fields.iterator(chunk_size=2000)
    )


def _written(at: datetime) -> str:
    """A time as format 2 hashes it: UTC with microseconds, as `link_audit_entry` writes it in the database."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def verify_audit(*, expected_head: str | None = None) -> list[Break]:
    """Return every break of the stored chain, with its row number; empty if the chain holds.

    An `expected_head` (a hash noted elsewhere) also reveals entries that were removed from the end.
    """
    return verify(chain_rows(), expected_head=expected_head)


def export_part(since: datetime | None, until: datetime | None) -> Iterator[str]:
    """Export the entries from the first to the last one written in [since, until), verifiable on its own.

    No entry between them is left out: the chain follows the order of commits, which may differ from `written_at`.
    """
    entries = AuditEntry.objects.all()
    entries = entries if since is None else entries.filter(written_at__gte=since)
    entries = entries if until is None else entries.filter(written_at__lt=until)
    ends = entries.aggregate(first=Min("seq"), last=Max("seq"))
    first, last = ends["first"], ends["last"]
    if first is None:
        return export_lines([])
    before = AuditEntry.objects.filter(seq=first - 1).values_list("seq", "hash").first()
    part = AuditEntry.objects.filter(seq__range=(first, last))
    return export_lines(chain_rows(part), WHOLE if before is None else Start(*before))
