"""Retire the months of decisions that are older than the policies in force keep them (docs/operations.md).

The database decides what may go: its function `retire_decisions` reads the policies and keeps what others cite.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import ProgrammingError, connection, transaction

from telemetry.audit.audit_log import MACHINE, write_audit
from telemetry.foundation.core.identifiers import uuid7_floor, uuid7_time
from telemetry.models import Decision, DecisionRetirement

LOCK_SECONDS = 5  # taking a partition out waits for those who read decisions, and others wait behind it
NOT_ALLOWED = "42501"  # the policies keep the month
MONTHS = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'telemetry_decision'::regclass ORDER BY relname
"""


def retire_old_decisions(*, now: datetime) -> int:
    """Retire every month that the policies let go, each in a transaction of its own; return how many decisions went."""
    gone = 0
    for month in _months(now):
        try:
            retirement = _retire(month, now)
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", None) != NOT_ALLOWED:
                raise
            break  # later months are younger
        gone += retirement.rows - retirement.kept
    return gone


def retired_by(decision_id: UUID) -> str | None:
    """Return why a decision is not stored any more: the policy that retired its month; None if none did."""
    return retired_among([str(decision_id)]).get(str(decision_id))


def retired_among(ids: Collection[str]) -> dict[str, str]:
    """Return decision -> why it is not stored any more, for those of these decisions whose month was retired."""
    months = list(DecisionRetirement.objects.all()) if ids else []
    found = {}
    for key in ids:
        try:
            made = uuid7_time(UUID(key))
        except ValueError:
            continue
        for each in months:
            if each.since <= made < each.until:
                month = each.month.replace("_", "-")
                found[key] = f"decision {key} was retired by policy {each.policies} with all of {month}"
    return found


def _months(now: datetime) -> list[str]:
    """Return the months with decisions that were not retired, such as 2026_03, from the first on."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS)
        names = {name.removeprefix("month_") for (name,) in cursor.fetchall()}
    made = {name for name in names if re.fullmatch(r"\d{4}_\d{2}", name)}
    return sorted(made.union(_months_without_a_table(names, now)))


def _months_without_a_table(known: Collection[str], now: datetime) -> Iterator[str]:
    """Yield the months of decisions that came before a table was made for theirs, from the first decision on."""
    retired = set(DecisionRetirement.objects.values_list("month", flat=True))
    past = Decision.objects.filter(pk__lt=uuid7_floor(now)).order_by("pk").values_list("pk", flat=True)
    found = past.first()
    while found is not None:
        made = datetime.fromtimestamp((found.int >> 80) / 1000, UTC)  # the time that partitions go by, in any UUID
        month = made.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        found = past.filter(pk__gte=uuid7_floor((month + timedelta(days=31)).replace(day=1))).first()
        name = f"{month:%Y_%m}"
        if name not in known and name not in retired:
            yield name


@transaction.atomic(durable=True)  # a month holds the table's lock, which others wait behind, until it is committed
def _retire(month: str, now: datetime) -> DecisionRetirement:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(LOCK_SECONDS * 1000)])
        cursor.execute("SELECT retire_decisions(%s)", [month])
        retirement = DecisionRetirement.objects.get(pk=cursor.fetchone()[0])
    write_audit(
        actor=MACHINE,
        action="retire decisions",
        object=f"decisions of {month}",
        reason=f"older than the policies in force keep them: {retirement.policies}",
        before={"rows": retirement.rows},
        after={"rows": retirement.kept},
        at=now,
    )
    return retirement
