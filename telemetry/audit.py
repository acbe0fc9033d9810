"""One audit entry per governed write, in the same transaction; the database links it into the chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection

from telemetry.core.canonical import canonical_json
from telemetry.core.chain import Break, Row, verify
from telemetry.correlation import request_id
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
    content = canonical_json(
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


def chain_rows() -> Iterator[Row]:
    """The chain from its first entry on, streamed."""
    entries = AuditEntry.objects.order_by("seq").values_list("seq", "previous_hash", "hash", "content")
    return (Row(*entry) for entry in entries.iterator(chunk_size=2000))


def verify_audit(*, expected_head: str | None = None) -> list[Break]:
    """Every break of the stored chain, named by row; an `expected_head` kept elsewhere also shows a cut tail."""
    return verify(chain_rows(), expected_head=expected_head)
