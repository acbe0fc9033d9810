"""What is kept beside what happened: the weekly reports, and the lines that no request meets any more."""

from __future__ import annotations

from collections.abc import Iterator

from config.demo.planted.stage import Calendar
from config.demo.planted.statements.statement import MODULE, Statement, line_of
from config.demo.planted.truth import DELISTED_AT, EFFECTS
from overrides.models import WeeklyReport
from overrides.monitoring.unmet.never_matched import Use, unused_lines


def kept(calendar: Calendar) -> Iterator[Statement]:
    """Yield the weekly reports, and the line that no request meets any more."""
    weeks, reports = len(list(calendar.weeks())), WeeklyReport.objects.count()
    yield Statement("weekly reports", f"{weeks} weeks with answers", f"{reports} reports are kept", reports == weeks)
    legacy = EFFECTS[3]
    line = line_of(legacy)
    uses = {each.line: each.use for each in unused_lines(MODULE, calendar.end)}
    use = uses.get(line.pk) if line else None
    planted = f"{legacy.value} is delisted on day {DELISTED_AT}, {calendar.day(DELISTED_AT):%Y-%m-%d}"
    yield Statement("never matched", planted, f"its line is listed as: {use or 'not listed'}", use is Use.NEVER_MATCHED)
