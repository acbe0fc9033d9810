"""The ledger of proofs for life as the builder keeps it: closed days alone, once, and the same from the facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from learning.lessons.build import build_lessons
from learning.lessons.lifetime_ledger import ledger_document, proven_signs
from learning.models import Lesson, LifetimeLedger, LifetimeLine
from learning.proposals.materialize import materialize, publish_what_mandates_cover, requested_specs
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.models import RequestEvidence, Version
from overrides.requests.auto_publish import publish_within_mandates
from overrides.versions.load_version import current_parameters, load_specs
from tests.builders import DAY, NOW, approve_and_apply, publish
from tests.learning.phases import evidence_parameters, record_phases
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db
IGNORED = ("id", "ledger_id")


def build(days: int = 0) -> None:
    build_lessons(module="pm", policy=LearningMethod.EVIDENCE, now=NOW + DAY * days)


def closer(spec: OverrideSpec) -> OverrideSpec:
    """Return the override with each lever half as far from neutral."""
    document = spec.to_document()
    levers = {
        group: {name: 1 + (value - 1) / 2 for name, value in each.items()} for group, each in document["levers"].items()
    }
    return OverrideSpec.from_document({k: v for k, v in document.items() if k != "id"} | {"levers": levers})


def state() -> tuple[Any, ...]:
    """Return all that is stored, without the numbers of rows."""
    ledger = LifetimeLedger.objects.values().get()
    rows = [{k: v for k, v in row.items() if k not in IGNORED} for row in LifetimeLine.objects.values()]
    return {k: v for k, v in ledger.items() if k != "id"}, rows


def furnish() -> None:
    publish(parameters=evidence_parameters())
    record_phases(90)


@pytest.fixture(scope="module", autouse=True)
def facts(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def test_lines_with_a_planted_edge_are_proven_on_closed_days() -> None:
    build()

    ledger = LifetimeLedger.objects.get()
    assert (ledger.alpha, ledger.initial) == (0.1, 300)
    assert ledger.ever > 0
    assert ledger.taken_until == (NOW - DAY * 11).date()
    good = LifetimeLine.objects.get(scope={"macro_phase": "Good", "bucket": "micro"})
    assert (good.sign, good.times, good.published_on) == (1.0, 1, ledger.taken_until)
    lessons = {tuple(sorted(each.scope.values())): each.stats["proven"] for each in Lesson.objects.all()}
    assert lessons[("Good", "micro")] is True
    assert set(lessons.values()) <= {True, False}


def test_the_ledger_begins_once_sixty_days_are_closed() -> None:
    build(-21)
    assert not LifetimeLedger.objects.exists()

    build(-20)
    assert LifetimeLedger.objects.get().installed_on == (NOW - DAY * 31).date()


def test_a_second_run_of_the_same_day_changes_nothing() -> None:
    build()
    before = state()
    build()

    assert state() == before


def test_days_are_taken_in_as_they_close_and_the_facts_give_them_again() -> None:
    build(-20)
    for day in (-17, -16, -3, 0):
        build(day)
    in_pieces = state()

    LifetimeLedger.objects.all().delete()
    build(-20)
    build()

    assert state() == in_pieces


def test_a_longer_wait_takes_in_fewer_days() -> None:
    publish(parameters=evidence_parameters(lifetime_wait_days=20.0))
    build()

    assert LifetimeLedger.objects.get().taken_until == (NOW - DAY * 21).date()


def test_lines_without_an_edge_are_not_proven() -> None:
    build()

    assert not LifetimeLine.objects.filter(e_value__lt=30, times__gt=0, withdrawn_on=None).exists()


def test_a_request_stores_the_ledger_of_its_moment_and_which_lines_were_proven() -> None:
    build()
    spent = ledger_document("pm")
    request = materialize(module="pm", now=NOW)
    assert request is not None
    document = RequestEvidence.objects.get(request=request).parsed
    LifetimeLedger.objects.all().delete()

    assert document["run"]["lifetime"] == spent
    assert spent is not None
    assert spent["ever"] >= spent["proven"] > 0
    assert 0 < spent["spent"] <= 1
    assert any(each["measured"]["proven"] for each in document["lines"].values())
    assert ledger_document("pm") is None


def test_the_builder_moves_a_proven_line_back_farther_by_itself_and_another_waits_for_a_person() -> None:
    publish(parameters=evidence_parameters(publish_proven_only=True))
    build()
    request = materialize(module="pm", now=NOW)
    assert request is not None
    approve_and_apply(request, at=NOW)
    wanted = requested_specs("pm", current_parameters("pm"), {Channel.PM_STRENGTH: LearningMethod.EVIDENCE})
    near = {line: closer(spec) for line, spec in wanted.items()}
    publish_within_mandates(module="pm", proposed=near, source="lesson", at=NOW + DAY)

    publish_what_mandates_cover(module="pm", now=NOW + 3 * DAY)

    signs = proven_signs("pm")
    number = Version.objects.get(module="pm", is_active=True).number
    moved = {spec.line for spec in load_specs("pm", number) if spec.levers != near[spec.line].levers}
    assert moved
    assert moved <= signs.keys()
    assert wanted.keys() - moved
