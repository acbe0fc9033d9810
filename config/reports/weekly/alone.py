"""What the machine did alone: requests without a person as author that took effect, and audit entries of no person."""

from __future__ import annotations

from django.db import connection

from config.reports.weekly.changed import KINDS, ROUTES
from config.reports.weekly.shape import Figure, Period, Section, Table, TableRow, address
from telemetry.foundation.core.words import count_of

MOST = 60
_REQUESTS = """
SELECT r.module, r.kind, r.route, r.author_name, count(DISTINCT r.id), count(c.id)
FROM overrides_changerequest AS r LEFT JOIN overrides_changeline AS c ON c.request_id = r.id
WHERE r.author_id IS NULL AND r.route <> 'review' AND r.state = 'applied'
    AND r.closed_at >= %(since)s AND r.closed_at < %(until)s
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4
"""
_ENTRIES = """
SELECT actor, action, count(*), max(seq) FROM telemetry_auditentry AS a
WHERE written_at >= %(since)s AND written_at < %(until)s
    AND NOT EXISTS (SELECT FROM auth_user AS u WHERE u.username = a.actor)
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %(most)s
"""


def alone(week: Period) -> Section:
    """Return what took effect without a person; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_REQUESTS, week.bounds)
        requests = cursor.fetchall()
        cursor.execute(_ENTRIES, week.bounds | {"most": MOST})
        entries = cursor.fetchall()
    applied = address("admin:overrides_changerequest_changelist", state="applied")
    return Section(
        "alone",
        "What the machine did alone",
        "Requests drafted by no person that took effect without votes: under mandates that people signed, or at once "
        "towards neutral. Below, the audit entries of the week whose actor is no person.",
        [
            Figure(f"Requests {ROUTES[route]}", sum(each[4] for each in requests if each[2] == route),
                   note=count_of(sum(each[5] for each in requests if each[2] == route), "line"), link=applied)
            for route in ("mandate", "at_once")
        ],
        [
            Table(
                "Requests without votes",
                ("drafted by", "module", "about", "took effect", "requests", "lines"),
                [
                    TableRow((author, module, KINDS[kind], ROUTES[route], count, lines), applied)
                    for module, kind, route, author, count, lines in requests
                ],
                (4, 5),
                nothing="None took effect.",
            ),
            Table(
                "Audit entries of no person",
                ("actor", "act", "entries"),
                [
                    TableRow((actor, action, count), address("admin:telemetry_auditentry_change", newest))
                    for actor, action, count, newest in entries
                ],
                (2,),
                nothing="None was written.",
            ),
        ],
    )  # fmt: skip
