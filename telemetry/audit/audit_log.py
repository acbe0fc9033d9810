"""Write, stream, verify and export the audit log; the database links its entries into a hash chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet

from telemetry.core.hash_chain import WHOLE, Break, Row, Start, export_lines, verify
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.request_id import request_id
from telemetry.models import AuditEntry

MACHINE = "counterweight"  # the actor of what nobody does by hand
INSERT = """
INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction, format, epoch)
VALUES (0, '', '', %s, %s, 0, 0, 0) RETURNING seq
"""
# Of the entries that follow the last one before `until`, a time in the future is believed only where time is simulated.
PART = """
WITH begins AS (
    SELECT seq FROM telemetry_auditentry
    WHERE %(since)s::timestamptz IS NOT NULL AND seq < coalesce(
        (SELECT min(seq) FROM telemetry_auditentry WHERE written_at >= %(since)s::timestamptz),
        (SELECT max(seq) + 1 FROM telemetry_auditentry)
    )
    ORDER BY written_at DESC, seq DESC LIMIT 1
), ends AS (
    SELECT seq FROM telemetry_auditentry
    WHERE %(until)s::timestamptz IS NOT NULL AND seq > coalesce(
        (SELECT max(seq) FROM telemetry_auditentry WHERE written_at < %(until)s::timestamptz), 0
    ) AND (written_at <= clock_timestamp() + interval '5 seconds' OR is_time_simulated())
    ORDER BY written_at, seq LIMIT 1
)
SELECT coalesce((SELECT seq FROM begins) + 1, 1),
       coalesce((SELECT seq FROM ends) - 1, (SELECT max(seq) FROM telemetry_auditentry), 0)
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


def verify_audit(
    *, expected_head: str | None = None, reading: Callable[[Row], None] = lambda row: None, first: int = 1
) -> list[Break]:
    """Return every break of the stored chain from entry `first` on, with its row number; empty if the chain holds.

    An `expected_head` (a hash noted elsewhere) also reveals entries that were removed from the end. `reading` is called
    with each row, so that comparisons of what the entries say need not read the chain again.
    """
    entries = AuditEntry.objects.filter(seq__gte=first) if first > 1 else None
    named = None if entries is None else entries.filter(seq=first).values_list("previous_hash", flat=True).first()

    def rows() -> Iterator[Row]:
        for row in chain_rows(entries):
            reading(row)
            yield row

    return verify(
        rows(), expected_head=expected_head, after=WHOLE if entries is None else Start(first - 1, named or "")
    )


@dataclass(frozen=True, slots=True)
class Part:
    """The entries `first` to `last` of the chain, which are none where `last` is before `first`."""

    first: int
    last: int

    @property
    def entries(self) -> QuerySet[AuditEntry]:
        """The entries of the part, in no order."""
        return AuditEntry.objects.filter(seq__range=(self.first, self.last))


def part_of_period(since: datetime | None, until: datetime | None) -> Part:
    """Return the part of the chain that was committed in [since, until), found by sequence: the order of commits.

    An entry may name another time than that of its commit, so its time alone never excludes it. The part begins after
    the newest entry before the period and ends before the oldest one after it; every entry between these two may
    belong to the period and is included.
    """
    with connection.cursor() as cursor:
        cursor.execute(PART, {"since": since, "until": until})
        return Part(*cursor.fetchone())


def export_part(part: Part) -> Iterator[str]:
    """Yield the lines of an export of a part of the chain, which can be verified on its own."""
    before = AuditEntry.objects.filter(seq=part.first - 1).values_list("seq", "hash").first()
    return export_lines(chain_rows(part.entries), WHOLE if before is None else Start(*before))
