"""Strengths of stored trades: measured once a day, used by every run after, and named by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from learning.core.evidence_method.learn import FAMILIES
from learning.core.walk_forward.prequential import evidence_strength
from learning.lessons.build import build_lessons, standing_run
from learning.lessons.build_evidence import learn_module
from learning.lessons.run_strength import brakes_of, newest_strength, strengths_of
from learning.models import BuilderRun, Lesson, MethodStrength
from learning.readers.observations import day_at, load_observations
from learning.tasks import strength_task, validate_task
from learning.validation.strength_gate import deciding_strength
from learning.validation.strength_runs import TASK, measure_strengths, request_strengths
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.models import OutboxMessage
from tests.builders import DAY, NOW
from tests.learning.opinions import make_strength
from tests.learning.phases import record_phases
from tests.learning.validation.test_walk_forward_runs import furnish

EVIDENCE = LearningMethod.EVIDENCE
HOUR = timedelta(hours=1)
MIDNIGHT = NOW.replace(hour=0)
pytestmark = pytest.mark.django_db


def measured(method: LearningMethod = EVIDENCE) -> MethodStrength:
    [row] = measure_strengths(module="pm", methods=[method], now=NOW)
    return row


class TestMeasureStrengths:
    def test_is_what_the_core_says_of_the_facts(self) -> None:
        furnish()

        row = measured()

        parameters = current_parameters("pm")
        loaded = load_observations("pm", parameters.learned_from, MIDNIGHT)
        families = [[loaded.categories.index(name) for name in family] for family in FAMILIES["pm"]]
        entries, sales = evidence_strength(loaded.observations, families, day_at(MIDNIGHT), parameters.evidence)
        assert strengths_of(row) == {"entry and add": entries, "trim and exit": sales}
        assert entries is not None
        assert sales is None
        assert entries.whole.value == pytest.approx(1.0, abs=0.1)
        assert (row.status, row.as_of, row.policy) == ("done", MIDNIGHT, "evidence")

    def test_measures_the_plan_by_what_its_lessons_expected(self) -> None:
        furnish()

        found = deciding_strength("pm", measured(LearningMethod.PLAN))

        assert found is not None
        assert found.recent.value == 1.0  # it believes in no recent shifts
        assert found.whole.value > 0.5

    def test_is_once_a_day_whatever_else_is_recorded(self) -> None:
        furnish()
        first = measured()
        furnish(300, seed=2, edge=-2.0)

        [later] = measure_strengths(module="pm", methods=[EVIDENCE], now=NOW + 5 * HOUR)
        [next_day] = measure_strengths(module="pm", methods=[EVIDENCE], now=NOW + DAY)

        assert (later.key, later.finished_at) == (first.key, first.finished_at)
        assert next_day.key != first.key

    def test_knows_nothing_of_today(self) -> None:
        """Measured at any hour of a day, it is as of the midnight before."""
        furnish()

        [row] = measure_strengths(module="pm", methods=[EVIDENCE], now=NOW + 11 * HOUR)

        assert row.as_of == MIDNIGHT

    def test_says_so_where_too_little_was_predicted(self) -> None:
        assert set(strengths_of(measured()).values()) == {None}
        assert deciding_strength("pm", measured()) is None

    def test_is_requested_every_night_and_by_a_task_each(self) -> None:
        validate_task(module="pm", now=NOW.isoformat())
        request_strengths(module="pm", now=NOW)

        keys = list(OutboxMessage.objects.filter(task=TASK).values_list("kwargs__key", flat=True))
        assert len(keys) == len(LearningMethod)
        strength_task(key=keys[0], now=NOW.isoformat())
        assert MethodStrength.objects.get(key=keys[0]).status == "done"


class TestRuns:
    def build(self, now: Any = NOW) -> BuilderRun:
        return build_lessons(module="pm", policy=EVIDENCE, now=now)

    def edges(self) -> dict[str, float]:
        return dict(Lesson.objects.filter(status="active").values_list("line_id", "edge_raw"))

    def test_claim_what_the_strength_leaves_and_name_it(self) -> None:
        record_phases()
        assert self.build().strength is None
        free = {each.line_id: each.stats for each in Lesson.objects.exclude(status="withdrawn")}
        strength = make_strength(0.5, 0.5, 0.1)

        run = self.build()

        assert run.strength == strength
        braked = {each.line_id: each for each in Lesson.objects.exclude(status="withdrawn")}
        assert set(braked) == set(free)
        for line, lesson in braked.items():
            before = free[line]
            assert lesson.edge_raw == pytest.approx(0.5 * before["edge_raw"], rel=1e-9)
            assert lesson.stats["believed"] == pytest.approx(before["believed"], rel=1e-9)
            assert lesson.stats["raw"] == pytest.approx(before["raw"], rel=1e-9)
            assert lesson.stats["lfsr"] >= before["lfsr"]

    def test_never_claim_more_than_was_fitted(self) -> None:
        record_phases()
        self.build()
        free = self.edges()
        make_strength(1.7, 1.3, 0.0)

        self.build()

        assert self.edges() == pytest.approx(free, rel=1e-9)

    def test_of_the_past_are_made_again_with_the_strength_they_name(self) -> None:
        record_phases()
        make_strength(0.6, 0.3, 0.1)
        run = self.build()
        known = self.edges()
        make_strength(0.1, 0.1, 0.1, as_of=NOW + DAY, asked_at=NOW + DAY)

        parameters = current_parameters("pm")
        loaded = load_observations("pm", parameters.learned_from, run.as_of)
        again = learn_module(loaded, "pm", parameters, run.as_of, brakes_of(run.strength, "pm"))

        assert again is not None
        assert sorted(known.values()) == sorted(again.overrides.b[np.isin(again.overrides.b, list(known.values()))])
        assert newest_strength("pm", EVIDENCE, run.as_of) == run.strength

    def test_are_made_again_when_a_strength_was_measured(self) -> None:
        record_phases()
        self.build(NOW + HOUR)
        assert standing_run("pm", EVIDENCE, NOW + 4 * HOUR) is not None

        make_strength(asked_at=NOW + 3 * HOUR)

        assert standing_run("pm", EVIDENCE, NOW + 2 * HOUR) is not None
        assert standing_run("pm", EVIDENCE, NOW + 4 * HOUR) is None

    def test_use_no_strength_that_is_being_measured_or_of_another_method_or_module(self) -> None:
        make_strength(0.1, status="running")
        make_strength(0.1, policy="plan")
        make_strength(0.1, module="dm")

        assert newest_strength("pm", EVIDENCE, NOW) is None
