"""Evidence that the builder published under mandates is what one of its runs found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Lesson, LessonHistory
from learning.proposals.materialize import publish_what_mandates_cover, requested_specs
from learning.tasks import check_published_evidence_task
from learning.validation.published_evidence import EvidenceNotFound, check_published_evidence
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.requests.auto_publish import publish_within_mandates
from overrides.versions.load_version import current_parameters
from telemetry.audit.alarms import EVIDENCE, alarm_of
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, make_parameters, make_spec, make_trades, publish

GOOD = {"macro_phase": "Good"}
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


def build(at: Any) -> None:
    aggregate_dirty(now=at)
    build_lessons(module="pm", now=at)


@pytest.fixture(autouse=True)
def mandate(db: None) -> None:
    """Put the lesson of a group in force, so that the builder has a mandate for it."""
    publish(parameters=make_parameters({"weights": {"min_total_weight": 0.0}}))
    record_trades(make_trades([2.0] * 20, scope=GOOD, prefix="g"), now=NOW)
    record_trades(make_trades([0.0] * 20, scope={"macro_phase": "Dip"}, prefix="d"), now=NOW)
    build(NOW)
    wanted = requested_specs("pm", current_parameters("pm"), {Channel.PM_STRENGTH: LearningMethod.PLAN})
    publish(*wanted.values(), source="lesson")


def learn_and_publish(at: Any) -> None:
    record_trades(make_trades([2.0], scope=GOOD, prefix=f"more{at:%d%H}"), now=at)
    build(at)
    assert publish_what_mandates_cover(module="pm", now=at) is not None


class TestCheckPublishedEvidence:
    def test_agrees_with_the_runs_whose_statistics_were_published(self) -> None:
        for hour in (1, 2, 3):
            learn_and_publish(NOW + hour * HOUR)

        assert check_published_evidence(now=NOW + 4 * HOUR) >= 3

    def test_reads_what_was_published_when_later_runs_of_the_day_have_replaced_the_lesson(self) -> None:
        learn_and_publish(NOW + HOUR)
        published = Lesson.objects.get(scope=GOOD, type=Channel.PM_STRENGTH).stats["n"]
        record_trades(make_trades([2.0], scope=GOOD, prefix="later"), now=NOW + 2 * HOUR)
        build(NOW + 2 * HOUR)

        kept = LessonHistory.objects.filter(lesson__scope=GOOD).values_list("n", flat=True)

        assert published in kept
        assert check_published_evidence(now=NOW + 3 * HOUR) >= 1

    @pytest.mark.parametrize("forged", [{"n": 33.0}, {"edge_raw": 0.77}])
    def test_names_the_request_line_and_claim_that_no_run_found(self, forged: dict[str, float]) -> None:
        lesson = Lesson.objects.get(scope=GOOD, type=Channel.PM_STRENGTH)
        (spec,) = (
            each
            for each in requested_specs(
                "pm", current_parameters("pm"), {Channel.PM_STRENGTH: LearningMethod.PLAN}
            ).values()
            if each.line == lesson.line_id
        )
        document = spec.to_document()
        document["stats"] |= forged
        del document["id"]  # is the hash of the rest
        request = publish_within_mandates(
            module="pm", proposed={spec.line: type(spec).from_document(document)}, source="lesson", at=NOW + HOUR
        )
        assert request is not None

        with pytest.raises(EvidenceNotFound, match=rf"request {request.pk}: line {spec.line} claims an edge"):
            check_published_evidence(now=NOW + 2 * HOUR)

    def test_leaves_out_what_people_approved(self) -> None:
        publish(make_spec({"size_mult": 1.2}, scope={"macro_phase": "Oh-Shit"}))

        assert check_published_evidence(now=NOW + 3 * DAY) == 0

    def test_raises_an_alarm_from_its_task(self) -> None:
        learn_and_publish(NOW + HOUR)
        LessonHistory.objects.all().delete()

        with pytest.raises(EvidenceNotFound):
            check_published_evidence_task(now=(NOW + 2 * HOUR).isoformat())

        alarm = alarm_of(EVIDENCE)
        assert alarm is not None
        assert "which no run of the builder found" in alarm.findings[0]
