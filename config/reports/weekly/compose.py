"""Compose the document of a week: one section after another, each from selective queries of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from config.reports.weekly.alone import alone
from config.reports.weekly.changed import changed
from config.reports.weekly.earned import earned
from config.reports.weekly.health import health
from config.reports.weekly.lapsed import lapsed
from config.reports.weekly.shape import Period, Section
from config.reports.weekly.waits import waits
from overrides.models import WeeklyReport
from overrides.models.reports import week_label
from overrides.monitoring.weekly_reports import last_week, period_of, report_week
from telemetry.audit.audit_log import MACHINE
from telemetry.foundation.core.canonical_json import utc_text

FORMAT = 1
SECTIONS: tuple[Callable[[Period], Section], ...] = (changed, earned, lapsed, alone, waits, health)


def compose(week: date, made_at: datetime) -> dict[str, Any]:
    """Return the document of a week as JSON values."""
    since, until = period_of(week)
    period = Period(since, until, made_at)
    return {
        "format": FORMAT,
        "week": week_label(week),
        "since": utc_text(since),
        "until": utc_text(until),
        "made_at": utc_text(made_at),
        "sections": [each(period).to_document() for each in SECTIONS],
    }


def make_report(week: date, *, by: str, at: datetime, again: bool = False) -> WeeklyReport:
    """Return the kept report of a week, made now if there is none or another is asked for. Raises Refused."""
    return report_week(week, compose, by=by, at=at, again=again)


def report_last_week(*, now: datetime) -> int:
    """Make the report of the newest week that has ended; return how many were made."""
    before = WeeklyReport.objects.count()
    make_report(last_week(now), by=MACHINE, at=now)
    return WeeklyReport.objects.count() - before
