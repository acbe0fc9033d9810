"""When a run of a learning method is due."""

from __future__ import annotations

from datetime import datetime

import pytest

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_due
from learning.models import BuilderRun, Lesson
from learning.tasks import build_task
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.models import JobRun
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    make_trades,
    publish,
)
from tests.learning.lessons.evidence_builds import HOUR
from tests.learning.phases import evidence_parameters, record_phases


@pytest.mark.django_db
class TestBuildDue:
    def due(self, at: datetime) -> bool:
        before = BuilderRun.objects.count()
        acting = build_due(module="pm", policy=LearningMethod.EVIDENCE, now=at)
        is_new = BuilderRun.objects.count() > before
        assert acting == (Lesson.objects.filter(status="active").count() if is_new else 0)
        return is_new

    def test_builds_once_where_nothing_changes_and_again_the_next_day(self) -> None:
        record_phases(at=NOW - HOUR)

        assert self.due(NOW)
        assert not self.due(NOW + HOUR)
        assert self.due(NOW + DAY)

    def test_builds_for_new_facts_before_and_after_they_are_aggregated(self) -> None:
        record_phases(at=NOW - HOUR)
        self.due(NOW)

        record_trades(make_trades([1.0], prefix="new"), now=NOW + HOUR)
        assert self.due(NOW + HOUR)
        aggregate_dirty(now=NOW + HOUR)
        assert self.due(NOW + 2 * HOUR)
        assert not self.due(NOW + 3 * HOUR)

    def test_builds_under_other_parameters(self) -> None:
        record_phases(at=NOW - HOUR)
        self.due(NOW)

        publish(parameters=evidence_parameters(kappa=1.5))

        assert self.due(NOW + HOUR)

    def test_builds_policy_plan_every_time(self) -> None:
        for at in (NOW, NOW + HOUR):
            build_due(module="pm", policy=LearningMethod.PLAN, now=at)

        assert BuilderRun.objects.count() == 2

    def test_is_a_job_of_its_own_beside_that_of_the_plan(self) -> None:
        record_phases(at=NOW - HOUR)

        for policy in ("plan", "evidence"):
            build_task(module="pm", policy=policy, now=NOW.isoformat())

        assert set(JobRun.objects.filter(status="done").values_list("job", flat=True)) == {
            "build pm", "build pm evidence",
        }  # fmt: skip
        assert JobRun.objects.get(job="build pm evidence").rows == BuilderRun.objects.get(policy="evidence").n_active
