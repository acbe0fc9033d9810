"""The page of a parameter set: every constant beside the plan's number."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ParameterSet
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, NOW, make_parameters, make_spec, publish

pytestmark = pytest.mark.django_db

BASE = "/admin/overrides/parameterset/"


@pytest.fixture
def latest() -> ParameterSet:
    """The second of two sets, in force in versions 2 and 3."""
    publish(make_spec())
    weights = {"n_target": 31, "bounds": {"size_mult": [0.9, 1.1]}}
    return publish(parameters=make_parameters({"weights": weights}), at=NOW + DAY).parameters


class TestParametersPage:
    def test_marks_what_differs_from_the_plan(
        self, author: User, latest: ParameterSet, django_assert_max_num_queries: Any
    ) -> None:
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, f"{BASE}{latest.pk}/change/")

        marked = re.findall(r"<code>([^<]*)</code></th><td class=\"cw-quiet\">([^<]*)</td><td><strong>([^<]*)<", text)
        assert marked == [
            ("weights.n_target", "25", "31"),
            ("weights.max_evidence_age_days", "30", "none"),
            ("weights.bounds.size_mult", "\N{EN DASH}", "0.9, 1.1"),
        ]
        assert '<code>weights.specificity_alpha</code></th><td class="cw-quiet">1.5</td><td>1.5</td>' in text

    def test_names_every_constant_in_words(self, author: User, latest: ParameterSet) -> None:
        text = page(browser_of(author), f"{BASE}{latest.pk}/change/")

        labels = {each.strip() for each in re.findall(r'<th scope="row">([^<]*)\n *<code>', text)}
        assert labels >= {"Learning method", "Combiner", "Motifs that always get neutral"}
        assert "" not in labels

    def test_names_the_versions_and_the_set_before(self, author: User, latest: ParameterSet) -> None:
        publish()
        before = ParameterSet.objects.exclude(pk=latest.pk).get()

        text = page(browser_of(author), f"{BASE}{latest.pk}/change/")

        assert re.findall(r">(pm \d)</a>", text) == ["pm 3", "pm 2"]
        assert f"{BASE}{before.pk}/change/" in text
        assert "<code>channels.pm_strength.weights.n_target</code></th><td>25</td><td><strong>31</strong>" in text

    def test_says_that_the_first_has_none_before(self, author: User, latest: ParameterSet) -> None:
        first = ParameterSet.objects.exclude(pk=latest.pk).get()

        text = page(browser_of(author), f"{BASE}{first.pk}/change/")

        assert "first set" in text
        assert "differs</span>" not in text

    def test_is_listed_with_its_state(
        self, author: User, latest: ParameterSet, django_assert_max_num_queries: Any
    ) -> None:
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, BASE)

        assert text.count("in force for pm") == 1
        assert f"{BASE}{latest.pk}/change/" in text

    def test_changes_nothing(self, author: User, latest: ParameterSet) -> None:
        browser = browser_of(author)

        assert browser.post(f"{BASE}{latest.pk}/change/", {"reason": "x"}).status_code == 403
        assert browser.get(f"{BASE}add/").status_code == 403
