"""Publishing under mandates reads what may be published without a person, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Lesson
from learning.proposals.materialize import publish_what_mandates_cover, requested_specs
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.models import Mandate
from overrides.requests.auto_publish import lines_in_reach
from overrides.versions.load_version import current_parameters
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, make_parameters, make_trades, publish, without_triggers

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
QueryLimit = Callable[[int], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def two_lines_in_force(db: None) -> None:
    """Put two lessons in force, one on either side of neutral, and learn a little more of both."""
    publish(parameters=make_parameters({"weights": {"min_total_weight": 0.0}}))
    learn(0)
    wanted = requested_specs("pm", current_parameters("pm"), {Channel.PM_STRENGTH: LearningMethod.PLAN})
    publish(*wanted.values(), source="lesson")
    learn(1)


def learn(day: int) -> None:
    count = 20 if day == 0 else 1
    record_trades(make_trades([2.0] * count, scope=GOOD, prefix=f"g{day}"), now=NOW)
    record_trades(make_trades([0.0] * count, scope=DIP, prefix=f"d{day}"), now=NOW)
    aggregate_dirty(now=NOW)
    build_lessons(module="pm", now=NOW)


def revoke(*lines: str) -> None:
    """End mandates without the entry that would say so, which is not what these tests are about."""
    with without_triggers():
        Mandate.objects.filter(line_id__in=lines).update(revoked_at=NOW)


def test_reads_neither_lessons_nor_lines_while_nothing_may_be_published(
    django_assert_max_num_queries: QueryLimit,
) -> None:
    revoke(*Mandate.objects.values_list("line_id", flat=True))

    with django_assert_max_num_queries(2):
        assert publish_what_mandates_cover(module="pm", now=NOW + DAY) is None


def test_reads_and_publishes_the_lines_with_a_mandate_alone() -> None:
    dip = Lesson.objects.get(scope=DIP, type=Channel.PM_STRENGTH)
    revoke(dip.line_id)
    good = Lesson.objects.get(scope=GOOD, type=Channel.PM_STRENGTH)

    with CaptureQueriesContext(connection) as queries:
        request = publish_what_mandates_cover(module="pm", now=NOW + DAY)

    assert request is not None
    assert set(request.lines.values_list("line_id", flat=True)) == {good.line_id}
    assert lines_in_reach("pm") == {good.line_id}
    read = [each["sql"] for each in queries if '"learning_lessons"' in each["sql"] and "line_id" in each["sql"]]
    assert all(good.line_id in sql and dip.line_id not in sql for sql in read if "IN (" in sql and "WHERE" in sql)
