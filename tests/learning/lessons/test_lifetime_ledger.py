"""The ledger of proofs for life as the builder keeps it: closed days alone, once, and the same from the facts."""

from __future__ import annotations

from typing import Any

import pytest

from learning.lessons.build import build_lessons
from learning.models import Lesson, LifetimeLedger, LifetimeLine
from overrides.core.engine.definitions.vocabulary import LearningMethod
from tests.builders import DAY, NOW, publish
from tests.learning.phases import evidence_parameters, record_phases

pytestmark = pytest.mark.django_db
IGNORED = ("id", "ledger_id")


def build(days: int = 0) -> None:
    build_lessons(module="pm", policy=LearningMethod.EVIDENCE, now=NOW + DAY * days)


def state() -> tuple[Any, ...]:
    """Return all that is stored, without the numbers of rows."""
    ledger = LifetimeLedger.objects.values().get()
    rows = [{k: v for k, v in row.items() if k not in IGNORED} for row in LifetimeLine.objects.values()]
    return {k: v for k, v in ledger.items() if k != "id"}, rows


@pytest.fixture(autouse=True)
def facts(db: None) -> None:
    publish(parameters=evidence_parameters())
    record_phases(90)


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
    publish(parameters=evidence_parameters(lifetime_wait_days=40.0))
    build()

    assert LifetimeLedger.objects.get().taken_until == (NOW - DAY * 41).date()


def test_lines_without_an_edge_are_not_proven() -> None:
    build()

    assert not LifetimeLine.objects.filter(e_value__lt=30, times__gt=0, withdrawn_on=None).exists()
