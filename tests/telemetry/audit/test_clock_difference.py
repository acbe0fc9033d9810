"""The difference between the clocks of a process and of the database."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import pytest

from telemetry.audit import clock_difference as measured
from telemetry.audit.clock_difference import clock_difference

pytestmark = pytest.mark.django_db


def clock_off_by(seconds: float) -> type[datetime]:
    class Off(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain time, as compared
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Off


def test_is_none_where_the_database_answers_between_two_readings() -> None:
    assert clock_difference() == 0.0


@pytest.mark.parametrize("seconds", [-30.0, 30.0])
def test_is_at_most_what_the_clock_is_off(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "datetime", clock_off_by(seconds))

    assert clock_difference() == pytest.approx(seconds, abs=1.0)
    assert abs(clock_difference()) <= abs(seconds)
