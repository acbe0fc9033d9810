"""The list of overrides tells what acts today from what is only in force."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.admin.weight_display import Weights
from overrides.models import Override
from telemetry.foundation.core.canonical_json import utc_text
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, NOW, make_parameters, make_spec, publish

pytestmark = pytest.mark.django_db

LIST = "/admin/overrides/override/"
FRESH = {"updated_at": utc_text(datetime.now(UTC))}
ACTING = make_spec(stats=FRESH)
FADED = make_spec(scope={"macro_phase": "Dip", "bucket": "mid"})
LIGHT = make_spec(scope={"bucket": "micro"}, stats=FRESH | {"variance": 5})


class TestFilter:
    @pytest.fixture(autouse=True)
    def three(self) -> None:
        publish(ACTING, FADED, LIGHT)

    def test_lists_what_acts_and_what_does_nothing(self, author: User) -> None:
        browser = browser_of(author)

        acting, idle = (page(browser, f"{LIST}?acts_today={value}") for value in ("yes", "no"))

        links = [f"{LIST}{spec.content_id}/change/" for spec in (ACTING, FADED, LIGHT)]
        assert [link in acting for link in links] == [True, False, False]
        assert [link in idle for link in links] == [False, True, True]

    def test_leaves_out_what_is_no_longer_in_force(self, author: User) -> None:
        publish(withdraw=[FADED.line, ACTING.line])
        browser = browser_of(author)

        assert "0 overrides" in page(browser, f"{LIST}?acts_today=yes")
        assert "1 override<" in page(browser, f"{LIST}?acts_today=no").replace("\n", "")

    def test_costs_few_queries(self, author: User, django_assert_max_num_queries: Any) -> None:
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, f"{LIST}?acts_today=no")

    def test_says_in_words_what_does_nothing(self, author: User) -> None:
        text = page(browser_of(author), LIST)

        assert "is below the minimum of 0.02: it does nothing until newer evidence arrives." in text
        assert "it does nothing until stronger evidence arrives." in text
        assert text.count("does nothing</span>") == 2


class TestWords:
    def words(self, at: datetime, **channel: Any) -> str:
        return Weights(at, make_parameters(channel)).words(Override.objects.get())

    def test_are_those_of_the_combiner(self) -> None:
        """Below the floor after 165 days; the evidence combiner leaves out what is older than it is told."""
        publish(make_spec())
        later = NOW + DAY * 200
        evidence = {"policy": "evidence", "combiner": "evidence"}

        assert self.words(NOW) == ""
        assert self.words(later).startswith("Weight 0.0")
        assert self.words(later, combiner="most_specific") == ""
        expected = "Its evidence is older than 30 days: it does nothing until newer evidence arrives."
        assert self.words(later, **evidence) == expected
        assert self.words(NOW, **evidence) == ""
