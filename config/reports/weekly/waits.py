"""What waits when the report is made: open requests by state and age, reviews afterwards, and alarms."""

from __future__ import annotations

from django.db import connection

from config.reports.weekly.shape import Figure, Period, Section, Table, TableRow, address, moment
from telemetry.audit.alarms import alarms

_OPEN = """
SELECT r.module, r.state, count(*), min(r.created_at) FROM overrides_changerequest AS r
WHERE r.state IN ('draft', 'in_review', 'changes_requested', 'approved', 'scheduled') GROUP BY 1, 2 ORDER BY 1, 2
"""
_AFTERWARDS = """
SELECT count(*), min(closed_at) FROM overrides_changerequest
WHERE route = 'at_once' AND state = 'applied' AND acknowledged_at IS NULL
"""


def waits(week: Period) -> Section:
    """Return what waits at the time the report is made; three queries."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN)
        rows = cursor.fetchall()
        cursor.execute(_AFTERWARDS)
        afterwards, oldest = cursor.fetchone()
    requests = "admin:overrides_changerequest_changelist"
    standing = alarms()
    return Section(
        "waits",
        "What waits",
        f"As of {moment(week.made_at)}, when the report was made.",
        [
            Figure("Open requests", sum(each[2] for each in rows), link=address(requests)),
            Figure(
                "Requests that took effect at once and wait for a review afterwards",
                afterwards,
                note=f"the oldest since {moment(oldest)}" if oldest else "",
                link=address(requests, afterwards="waiting"),
            ),
            Figure("Alarms", len(standing), note=f"{sum(each.is_acknowledged for each in standing)} acknowledged",
                   link=address("admin:index")),
        ],
        [
            Table(
                "Open requests by state and age",
                ("state", "module", "requests", "oldest drafted", "days old"),
                [
                    TableRow(
                        (state.replace("_", " "), module, count, moment(first), (week.made_at - first).days),
                        address(requests, state=state, module=module),
                    )
                    for module, state, count, first in rows
                ],
                (2, 4),
                nothing="No request is open.",
            ),
            Table(
                "Alarms",
                ("check", "findings", "acknowledged by"),
                [TableRow((each.check, each.count, each.acknowledged_by), address("admin:index")) for each in standing],
                (1,),
                nothing="No alarm stands.",
            ),
        ],
    )  # fmt: skip
