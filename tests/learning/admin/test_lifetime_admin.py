"""The page of the error over the life of the learner: what alpha is, what is spent, and the lines."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.lessons.build import build_lessons
from learning.models import Lesson, LifetimeLedger
from overrides.core.engine.definitions.vocabulary import LearningMethod
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, publish
from tests.conftest import make_user
from tests.learning.phases import evidence_parameters, record_phases

pytestmark = pytest.mark.django_db
LIST = "/admin/learning/lifetimeledger/"


@pytest.fixture
def reader(db: None) -> User:
    return make_user("reader")


@pytest.fixture
def ledger(db: None) -> LifetimeLedger:
    publish(parameters=evidence_parameters())
    record_phases(90)
    build_lessons(module="pm", policy=LearningMethod.EVIDENCE, now=NOW)
    return LifetimeLedger.objects.get()


def test_an_empty_list_says_what_fills_it(reader: User) -> None:
    assert "The builder starts a ledger" in page(browser_of(reader), LIST)


def test_the_page_tells_what_is_spent_and_lists_the_lines(
    reader: User, ledger: LifetimeLedger, django_assert_max_num_queries: Any
) -> None:
    browser = browser_of(reader)
    with django_assert_max_num_queries(MOST_QUERIES):
        text = page(browser, f"{LIST}{ledger.pk}/change/")

    assert "What “proven” means" in text
    assert "proven, above the baseline" in text
    assert "Share of the budget left" in text
    assert "Good" in text


def test_a_proven_lesson_says_so_beside_verified(reader: User, ledger: LifetimeLedger) -> None:
    lesson = Lesson.objects.filter(stats__proven=True).first()
    assert lesson is not None
    browser = browser_of(reader)

    assert "over the life of the learner" in page(browser, f"/admin/learning/lesson/{lesson.pk}/change/")
    assert "proven" in page(browser, "/admin/learning/lesson/?policy=evidence")
