"""What lapsed in the week: mandates, holds and requests whose time ran out, and mandates that are due next."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from config.reports.weekly.shape import Figure, Period, Section, Table, TableRow, address, moment

SOON = timedelta(days=14)
MOST = 50
_COUNTS = """
SELECT
    (SELECT count(*) FROM overrides_mandate WHERE revoked_at >= %(since)s AND revoked_at < %(until)s),
    (SELECT count(*) FROM overrides_mandate WHERE review_by >= %(since)s AND review_by < %(until)s
        AND (revoked_at IS NULL OR revoked_at >= review_by)),
    (SELECT count(*) FROM overrides_linehold WHERE expires_at >= %(since)s AND expires_at < %(until)s
        AND (lifted_at IS NULL OR lifted_at >= expires_at)),
    (SELECT count(*) FROM overrides_changerequest WHERE state = 'expired'
        AND closed_at >= %(since)s AND closed_at < %(until)s),
    (SELECT count(*) FROM overrides_changerequest WHERE state = 'failed'
        AND closed_at >= %(since)s AND closed_at < %(until)s)
"""
_DUE = """
SELECT m.id, l.module, l.pattern_key, l.action_category, m.review_by, count(*) OVER ()
FROM overrides_mandate AS m JOIN overrides_line AS l ON l.id = m.line_id
WHERE m.revoked_at IS NULL AND m.review_by >= %(until)s AND m.review_by < %(soon)s
ORDER BY m.review_by, m.id LIMIT %(most)s
"""


def lapsed(week: Period) -> Section:
    """Return what lapsed; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, week.bounds)
        ended, overdue, holds, expired, failed = cursor.fetchone()
        cursor.execute(_DUE, week.bounds | {"soon": week.until + SOON, "most": MOST})
        due = cursor.fetchall()
    mandates, requests = "admin:overrides_mandate_changelist", "admin:overrides_changerequest_changelist"
    return Section(
        "lapsed",
        "What lapsed",
        "Mandates, vetoes, pins, caps and requests whose time ran out or that ended in the week.",
        [
            Figure(
                "Mandates ended", ended, note="revoked, or ended with their line", link=address(mandates, due="ended")
            ),
            Figure("Mandates whose review fell due and was not held", overdue, link=address(mandates, due="over")),
            Figure(
                "Vetoes, pins and caps expired", holds, link=address("admin:overrides_linehold_changelist", stands="no")
            ),
            Figure("Requests expired undecided or unapplied", expired, link=address(requests, state="expired")),
            Figure("Requests that failed to take effect", failed, link=address(requests, state="failed")),
        ],
        [
            Table(
                f"Mandates due for review in the {SOON.days} days after the week",
                ("mandate", "module", "due"),
                [
                    TableRow(
                        (f"{pattern} {category}", module, moment(at)), address("admin:overrides_mandate_change", pk)
                    )
                    for pk, module, pattern, category, at, _ in due
                ],
                more=max(0, due[0][5] - MOST) if due else 0,
                nothing="No mandate is due.",
            )
        ],
    )
