"""When a run of a learning method is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from learning.lessons import build_inputs
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_due, build_lessons
from learning.lessons.methods import METHODS
from learning.models import BuilderRun, Lesson
from learning.tasks import build_task
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.job_runs import Done
from telemetry.foundation.models import JobRun
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    make_correction,
    make_trade,
    make_trades,
    publish,
)
from tests.learning.lessons.evidence_builds import HOUR
from tests.learning.phases import evidence_parameters, record_phases

CORRECTED: dict[str, Any] = {"revision": 2, "correction_reason": "the alternatives came later", "rr": 1.0}


@pytest.mark.django_db
class TestBuildDue:
    @pytest.fixture(params=list(LearningMethod))
    def policy(self, request: pytest.FixtureRequest) -> LearningMethod:
        method: LearningMethod = request.param
        return method

    def due(self, at: datetime, policy: LearningMethod = LearningMethod.EVIDENCE) -> bool:
        before = BuilderRun.objects.count()
        done = build_due(module="pm", policy=policy, now=at)
        is_new = BuilderRun.objects.count() > before
        acting = Lesson.objects.filter(status="active", policy=policy).count()
        standing = BuilderRun.objects.filter(policy=policy).first()
        assert standing is not None
        assert done == Done(acting if is_new else 0, {} if is_new else {"nothing new since run": standing.pk})
        assert standing.confirmed_at == (None if is_new else at)
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

    def test_the_plan_s_lessons_stand_the_next_day_too(self) -> None:
        """Its targets move on days on which trades closed, however late they are computed."""
        record_phases(at=NOW - HOUR)
        self.due(NOW, LearningMethod.PLAN)
        before = list(Lesson.objects.order_by("pk").values("targets", "stats", "status", "weight"))

        assert not self.due(NOW + 30 * DAY, LearningMethod.PLAN)
        build_lessons(module="pm", now=NOW + 30 * DAY)
        assert list(Lesson.objects.order_by("pk").values("targets", "stats", "status", "weight")) == before

    def test_builds_for_new_facts_that_were_aggregated_by_the_same_clock(self, policy: LearningMethod) -> None:
        """Simulated time may stand still; what was written counts, not when."""
        record_phases(at=NOW - HOUR)
        self.due(NOW, policy)

        record_trades(make_trades([1.0], prefix="new"), now=NOW - HOUR)
        aggregate_dirty(now=NOW - HOUR)

        assert self.due(NOW, policy)
        assert not self.due(NOW, policy)

    def test_builds_for_a_correction_that_changes_no_outcome(self) -> None:
        """Tuning reads the alternatives that actions report, which no cell counts."""
        record_phases(at=NOW - HOUR)
        record_trades(make_trades([1.0] * 12), now=NOW - HOUR)
        aggregate_dirty(now=NOW - HOUR)
        self.due(NOW, LearningMethod.PLAN)
        (before,) = make_trades([1.0], prefix="t")
        action = action_payload(
            at=utc_text(before.opened_at), counterfactuals={"entry_delay_bars": {"1": 0.2, "2": 0.9, "3": -0.4}}
        )

        closed = {"opened_at": utc_text(before.opened_at), "closed_at": utc_text(before.closed_at)}
        record_trades([make_trade("t011", **(CORRECTED | closed), actions=[action])], now=NOW)
        aggregate_dirty(now=NOW)

        assert self.due(NOW, LearningMethod.PLAN)

    def test_builds_where_a_group_has_lost_its_last_trade(self, policy: LearningMethod) -> None:
        record_phases(at=NOW - HOUR)
        record_trades(make_trades([1.0] * 15, prefix="alone", pattern_key="uptrend.S3.entry"), now=NOW - HOUR)
        aggregate_dirty(now=NOW - HOUR)
        self.due(NOW, policy)

        record_trades([make_correction(f"alone{i:03}", excluded_reason="a test") for i in range(15)], now=NOW)
        aggregate_dirty(now=NOW)

        assert self.due(NOW, policy)

    def test_builds_anew_with_other_code(self, policy: LearningMethod, monkeypatch: pytest.MonkeyPatch) -> None:
        record_phases(at=NOW - HOUR)
        self.due(NOW, policy)

        other = replace(METHODS[policy], builder="another")
        monkeypatch.setattr(build_inputs, "METHODS", {**METHODS, policy: other})

        assert self.due(NOW, policy)

    def test_the_job_s_record_says_that_nothing_was_new(self) -> None:
        record_phases(at=NOW - HOUR)

        for at in (NOW, NOW + HOUR):
            build_task(module="pm", now=at.isoformat())

        run = BuilderRun.objects.get()
        details = JobRun.objects.filter(job="build pm").order_by("period").values_list("detail", flat=True)
        assert list(details) == [{}, {"nothing new since run": run.pk}]

    def test_is_a_job_of_its_own_beside_that_of_the_plan(self) -> None:
        record_phases(at=NOW - HOUR)

        for policy in ("plan", "evidence"):
            build_task(module="pm", policy=policy, now=NOW.isoformat())

        assert set(JobRun.objects.filter(status="done").values_list("job", flat=True)) == {
            "build pm", "build pm evidence",
        }  # fmt: skip
        assert JobRun.objects.get(job="build pm evidence").rows == BuilderRun.objects.get(policy="evidence").n_active
