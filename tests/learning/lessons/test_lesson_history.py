"""The history of a lesson over runs: changes only, one row a day and status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Lesson, LessonHistory
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, make_correction, make_lesson, make_parameters, make_trades, publish
from tests.shared_world import Shared

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
HOUR = timedelta(hours=1)


def record(good: list[float], prefix: str) -> None:
    record_trades(make_trades(good, scope=GOOD, prefix=prefix), now=NOW)


def build(at: datetime) -> None:
    aggregate_dirty(now=at)
    build_lessons(module="pm", now=at)


def history(scope: dict[str, str] = GOOD) -> list[LessonHistory]:
    return list(LessonHistory.objects.filter(lesson__scope=scope, lesson__type="pm_strength").order_by("at", "id"))


def history_values() -> list[tuple[datetime, str, float]]:
    return [(each.at, each.status, each.n) for each in history()]


def furnish() -> None:
    publish(parameters=make_parameters({"weights": {"min_total_weight": 0.0}}))
    record([2.0] * 20, "g")
    record_trades(make_trades([0.0] * 20, scope=DIP, prefix="d"), now=NOW)
    build(NOW)


@pytest.fixture(scope="class")
def two_phases(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("two_phases")
class TestTrack:
    def test_begins_with_what_was_said_first(self) -> None:
        (first,) = history()
        lesson = Lesson.objects.get(scope=GOOD)

        assert (first.at, first.status, first.n, first.edge_raw) == (NOW, "active", 20.0, 1.0)
        assert (first.weight, first.targets, first.run_id) == (lesson.weight, lesson.targets, lesson.run_id)
        assert first.half_life_days == lesson.stats["half_life_days"]

    def test_keeps_nothing_of_a_run_that_said_the_same(self) -> None:
        for hour in range(1, 40):
            build(NOW + hour * HOUR)

        assert history_values() == [(NOW, "active", 20.0)]

    def test_keeps_the_last_word_of_a_day(self) -> None:
        for hour in (1, 2):
            record([2.0], f"h{hour}")
            build(NOW + hour * HOUR)
        record([2.0], "next")
        build(NOW + DAY)

        assert history_values() == [(NOW + 2 * HOUR, "active", 22.0), (NOW + DAY, "active", 23.0)]

    def test_keeps_a_withdrawal_and_a_return_of_the_same_day(self) -> None:
        record([0.0] * 60, "later")
        build(NOW + HOUR)
        record_trades([make_correction(f"later{i:03}", excluded_reason="wrong feed") for i in range(60)], now=NOW)
        build(NOW + 2 * HOUR)

        assert history_values() == [
            (NOW, "active", 20.0), (NOW + HOUR, "withdrawn", 20.0), (NOW + 2 * HOUR, "active", 20.0),
        ]  # fmt: skip

    def test_says_a_withdrawal_once(self) -> None:
        record([0.0] * 60, "later")
        for day in range(1, 4):
            build(NOW + day * DAY)

        assert [status for _, status, _ in history_values()] == ["active", "withdrawn"]

    def test_keeps_of_what_is_too_light_that_it_became_so(self) -> None:
        publish(parameters=make_parameters({"weights": {"min_total_weight": 0.5}}))
        for day in (1, 2, 3):
            record([2.0], f"d{day}")
            build(NOW + day * DAY)

        assert history_values() == [(NOW, "active", 20.0), (NOW + DAY, "too_light", 21.0)]

    def test_keeps_each_lesson_apart(self) -> None:
        assert [each.edge_raw for each in history(DIP)] == [-1.0]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["edge_raw", "n", "weight", "half_life_days"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_that_is_none_is_stored(name: str, value: float) -> None:
    lesson = make_lesson()
    values: dict[str, Any] = {"edge_raw": 0.8, "n": 40, "weight": 0.1, "half_life_days": 90.0}

    with pytest.raises(IntegrityError):
        LessonHistory.objects.create(
            lesson=lesson, run=lesson.run, at=NOW, status="active", targets={}, **values | {name: value}
        )
