from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.demo.planted.stage import RECORDED_FIRST, WEEK, Calendar
from config.demo.planted.truth import DAYS


class TestCalendar:
    @pytest.mark.parametrize(
        ("installed_at", "end"),
        [
            (datetime(2026, 11, 30, 0, 0, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)),  # a Monday
            (datetime(2026, 12, 1, 9, 30, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)),
            (datetime(2026, 12, 6, 23, 59, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)),
        ],
    )
    def test_ends_on_the_last_monday_before_the_installation(self, installed_at: datetime, end: datetime) -> None:
        calendar = Calendar.before(installed_at)

        assert calendar.end == end
        assert calendar.start == end - timedelta(days=DAYS)
        assert calendar.start.weekday() == 0

    def test_has_every_week_after_those_recorded_first_and_ends_with_the_last(self) -> None:
        calendar = Calendar.before(datetime(2026, 12, 1, tzinfo=UTC))

        weeks = list(calendar.weeks())

        assert weeks[0] == calendar.start + RECORDED_FIRST * WEEK
        assert weeks[-1] + WEEK == calendar.end
        assert len(weeks) == DAYS / 7 - RECORDED_FIRST
