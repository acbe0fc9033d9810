"""Keep weekly reports: one for each ISO week, and a further revision where somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from overrides.models import WeeklyReport
from telemetry.audit.audit_log import write_audit
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.refusal import Refused

WEEK = timedelta(days=7)
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
Document = Mapping[str, Any]


def monday_of(text: str) -> date:
    """Return the Monday of a week by its ISO name or by any of its days. Raises Refused for another text.

    >>> monday_of("2026-W48"), monday_of("2026-11-29")
    (datetime.date(2026, 11, 23), datetime.date(2026, 11, 23))
    """
    try:
        day = date.fromisoformat(f"{text}-1" if "W" in text else text)
    except ValueError as error:
        raise Refused.because(f"“{text}” names no week; write it like 2026-W48, or as a day like 2026-11-27") from error
    return day - timedelta(days=day.weekday())


def last_week(now: datetime) -> date:
    """Return the Monday of the newest ISO week that has ended.

    >>> last_week(datetime(2026, 11, 30, 3, 30, tzinfo=UTC))
    datetime.date(2026, 11, 23)
    """
    today = now.astimezone(UTC).date()
    return today - timedelta(days=today.weekday() + 7)


def period_of(week: date) -> tuple[datetime, datetime]:
    """Return the beginning of a week, and its end, which does not belong to it."""
    since = datetime.combine(week, time(), UTC)
    return since, since + WEEK


@transaction.atomic
def report_week(
    week: date, compose: Callable[[date, datetime], Document], *, by: str, at: datetime, again: bool = False
) -> WeeklyReport:
    """Return the newest kept report of a week; if there is none, or another is asked for with `again`, compose one.

    Whoever makes reports of the same week at the same time waits, so that one is kept. Raises Refused for a week that
    has not ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"weekly report {week}"])
    kept = WeeklyReport.objects.filter(week=week).order_by("-revision").first()
    if kept is not None and not again:
        return kept
    if period_of(week)[1] > at:
        raise Refused.because(f"the week from {week} has not ended yet; report it from {week + WEEK} on")
    return keep_report(week, compose(week, at), by=by, at=at)


@transaction.atomic
def keep_report(week: date, document: Document, *, by: str, at: datetime) -> WeeklyReport:
    """Keep a document as the next revision of a week's report, with its audit entry."""
    revision = 1 + WeeklyReport.objects.filter(week=week).count()
    report = WeeklyReport(week=week, revision=revision, document=fact_json(document), made_at=at, made_by=by)
    report.save(force_insert=True)
    report.refresh_from_db()
    write_audit(
        actor=by,
        action="report",
        object=f"weekly report {week}/{revision}",
        reason="the week has ended" if revision == 1 else "asked for again",
        before=None,
        after={"document_hash": report.document_hash},
        at=at,
    )
    return report
