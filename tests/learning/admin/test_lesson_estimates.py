from __future__ import annotations

import math
from datetime import date

import pytest

from learning.admin.lesson_estimates import (
    count_significance,
    estimate_of,
    latest_run,
    lessons_of,
    line_statuses,
    nearest_parent,
    orders_of,
    run_with_lessons,
    sequence_of,
)
from learning.charts.confidence_sequence import FULL
from learning.models import EdgeHistory, Lesson, NoiseTwin
from learning.validation.walk_forward_runs import Choice, summary_line, walk_forward
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod
from tests.builders import DAY, NOW, draft, make_lesson, make_parameters, make_spec, publish
from tests.learning.opinions import make_evidence_lesson, make_run

pytestmark = pytest.mark.django_db

GOOD, MICRO = {"macro_phase": "Good"}, {"bucket": "micro"}


def names(policy: LearningMethod, order: str, **how: bool) -> list[dict[str, str]]:
    return [each.scope for each in lessons_of("pm", policy, orders_of(policy)[order], **how)]


class TestEstimate:
    def test_of_policy_evidence_is_what_was_measured_and_what_is_believed(self) -> None:
        found = estimate_of(make_evidence_lesson(b=0.2), parent=0.1)

        expected = (found.raw, found.raw_se, found.shrunk, found.sd, found.parent)
        assert expected == pytest.approx((0.6, 0.1, 0.2, 0.05, 0.1))

    def test_of_policy_plan_shrinks_nothing_and_knows_the_gain_over_its_parent(self) -> None:
        stats = {**make_lesson().stats, "edge_raw": -0.8, "n": 40, "variance": 0.9, "incremental_edge": 0.3}
        found = estimate_of(Lesson(policy="plan", stats=stats, edge_raw=-0.8))

        assert (found.raw, found.raw_se, found.parent) == pytest.approx((-0.8, math.sqrt(0.9 / 40), -0.5))
        assert found.shrunk is None

    def test_nearest_is_the_parent_that_leaves_least_to_add(self) -> None:
        assert nearest_parent(Lesson(edge_raw=0.5), [0.1, 0.3, -0.9]) == 0.3
        assert nearest_parent(Lesson(edge_raw=-0.5), [0.1, 0.3, -0.9]) == -0.9
        assert nearest_parent(Lesson(edge_raw=0.5), []) is None


class TestSequence:
    WEEKS = [(date(2026, 1, 5), 40, 0.3), (date(2026, 1, 12), 50, 0.5)]

    def half_width_of(self, **stats: float) -> float:
        lesson = Lesson(policy="evidence", stats={"edge_raw": 0.2, "n": 90, "variance": 1.96} | stats)
        picture = sequence_of(lesson, self.WEEKS, NOW, FULL)
        assert picture is not None
        return (picture.final.high - picture.final.low) / 2

    def test_is_as_wide_as_the_error_of_trades_that_move_together(self) -> None:
        alone = self.half_width_of(raw_se=0.1, variance=1.96)

        assert self.half_width_of(raw_se=0.4, variance=1.96) == pytest.approx(alone * math.sqrt(90 * 0.16 / 1.96))

    def test_is_never_narrower_than_that_of_independent_trades(self) -> None:
        assert self.half_width_of(raw_se=0.01) == pytest.approx(self.half_width_of())


class TestLessons:
    def test_are_sorted_by_rank_sureness_trades_edge_or_exaggeration(self) -> None:
        make_evidence_lesson(2, 0.3, scope=GOOD, stats={"n": 50, "raw": 0.45, "lfsr": 0.2}, weight=0.8)
        make_evidence_lesson(1, 0.1, scope=MICRO, stats={"n": 300, "raw": -0.4})

        assert names(LearningMethod.EVIDENCE, "rank") == [MICRO, GOOD]
        assert names(LearningMethod.EVIDENCE, "lfsr") == [MICRO, GOOD]
        assert names(LearningMethod.EVIDENCE, "n") == [MICRO, GOOD]
        assert names(LearningMethod.EVIDENCE, "edge") == [GOOD, MICRO]
        assert names(LearningMethod.EVIDENCE, "exaggeration") == [MICRO, GOOD]
        assert set(orders_of(LearningMethod.PLAN)) == {"weight", "n", "edge"}

    def test_an_edge_of_nothing_is_sorted_last_by_exaggeration(self) -> None:
        make_evidence_lesson(1, 0.0, scope=GOOD, stats={"raw": 0.4})
        make_evidence_lesson(2, 0.1, scope=MICRO)

        assert names(LearningMethod.EVIDENCE, "exaggeration") == [MICRO, GOOD]

    def test_leave_out_what_does_not_act_unless_asked_for_and_what_is_withdrawn(self) -> None:
        make_evidence_lesson(1, scope=GOOD, status="too_light")
        make_evidence_lesson(2, scope=MICRO, status="withdrawn")

        assert names(LearningMethod.EVIDENCE, "rank") == []
        assert names(LearningMethod.EVIDENCE, "rank", only_acting=False) == [GOOD]

    def test_know_the_edges_of_their_parents_of_one_dimension_less(self) -> None:
        make_evidence_lesson(1, 0.4, scope={**GOOD, **MICRO})
        make_evidence_lesson(2, 0.3, scope=GOOD, status="too_light")
        make_evidence_lesson(3, 0.2, scope=MICRO)
        make_evidence_lesson(4, 0.9, scope={"macro_phase": "Bad"})
        make_evidence_lesson(5, 0.1, scope={})
        make_evidence_lesson(6, 0.8, scope=GOOD, pattern_key="rsi.long.dip")

        rows = lessons_of("pm", LearningMethod.EVIDENCE, orders_of(LearningMethod.EVIDENCE)["rank"])
        assert {each.stats["rank"]: sorted(each.parents) for each in rows} == {
            1: [0.2, 0.3], 3: [0.1], 4: [0.1], 5: [], 6: [],
        }  # fmt: skip

    def test_are_counted_with_the_wrong_signs_to_be_expected(self) -> None:
        make_evidence_lesson(1, scope=GOOD, weight=0.98)
        make_evidence_lesson(2, scope=MICRO, weight=0.96)
        make_evidence_lesson(3, scope={}, weight=0.6, stats={"verified": False})

        found = count_significance("pm", LearningMethod.EVIDENCE)

        assert (found.acting, found.verified, found.at_most_false) == (3, 2, 1)
        assert found.expected_false == pytest.approx(0.06)
        assert count_significance("dm", LearningMethod.EVIDENCE).at_most_false == 0


class TestStandings:
    def test_name_the_override_in_force_and_the_open_requests(self) -> None:
        spec = make_spec({"size_mult": 1.1}, scope=GOOD)
        publish(spec)
        request = draft(make_spec({"size_mult": 1.2}, scope=GOOD))

        found = line_statuses([spec.line, "0" * 64])

        assert (found[spec.line].override, found[spec.line].requests) == (spec.id, (request.pk,))
        assert (found["0" * 64].override, found["0" * 64].requests) == (None, ())


class TestRunWithLessons:
    def test_is_all_in_one_query(self, django_assert_num_queries: object) -> None:
        run = make_run(as_of=NOW + DAY)
        make_run(as_of=NOW)
        parent = make_evidence_lesson(2, 0.1, scope={}, run=run)
        lesson = make_evidence_lesson(1, 0.2, scope=GOOD, run=run)
        EdgeHistory.objects.create(lesson=lesson, week=date(2026, 2, 9), n=30, mean=0.5, edge_raw=0.4)
        EdgeHistory.objects.create(lesson=lesson, week=date(2026, 2, 2), n=20, mean=0.3, edge_raw=0.1)
        for seed, content, at in ((1, "b", NOW), (2, "b", NOW), (1, "a", NOW - DAY)):
            NoiseTwin.objects.create(
                key=f"{content}{seed}", content=content, module="pm", policy="evidence", seed=seed, as_of=at, found=7,
                count=seed, status="done", asked_at=at, seen_at=at,
            )  # fmt: skip

        walk_forward(module="pm", choices=[Choice(LearningMethod.EVIDENCE, Combiner.EVIDENCE)], now=NOW)

        with django_assert_num_queries(1):  # type: ignore[operator]
            found = run_with_lessons(make_parameters(), LearningMethod.EVIDENCE, [lesson.line_id, "0" * 64])

        assert found is not None
        assert found.run == run == latest_run("pm", LearningMethod.EVIDENCE)
        assert list(found.learned) == [lesson.line_id]
        learned = found.learned[lesson.line_id]
        assert (learned.lesson, learned.lesson.stats, learned.parent) == (lesson, lesson.stats, parent.edge_raw)
        assert learned.weeks == [(date(2026, 2, 2), 20, 0.1), (date(2026, 2, 9), 30, 0.4)]
        assert (found.evidence.voices.found, found.evidence.voices.twins) == (7, (1, 2))
        walk = found.evidence.walk
        assert walk is not None
        assert (walk.as_of, summary_line(walk)) == (
            NOW,
            "walk-forward of policy evidence: no trades to decide yet",
        )

    def test_is_none_before_a_run(self) -> None:
        assert run_with_lessons(make_parameters(), LearningMethod.EVIDENCE, ["0" * 64]) is None
