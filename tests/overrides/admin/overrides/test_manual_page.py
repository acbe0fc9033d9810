"""A manual override: refused at its fields, previewed, and drafted as the person's request."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest, Override
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

URL = "/admin/overrides/line/by-hand/pm/"


@pytest.fixture
def proposer(db: None) -> User:
    return make_user("proposer", "overrides.add_changerequest")


def typed(**over: Any) -> dict[str, Any]:
    return {
        "channel": "pm_strength", "pattern_key": "donchian.long.breakout", "action_category": "entry",
        "scope": "macro_phase=Dip\nbucket=micro", "levers": "size_mult=0.9", "edge_raw": "-0.8", "n": "30",
        "variance": "0.5", "half_life_days": "90", "reason": "it does not work in a dip",
    } | over  # fmt: skip


def sent(person: User, **over: Any) -> str:
    return browser_of(person).post(URL, typed(**over)).content.decode()


class TestPreview:
    def test_shows_the_weight_and_what_it_would_do_and_drafts_nothing(self, proposer: User) -> None:
        page(browser_of(proposer), URL)

        text = sent(proposer, show="yes")

        assert "Its weight would be" in text
        assert "Estimated exposure change" in text
        assert "What this would have done to the last 0 decisions" in text
        assert 'name="draft"' in text
        assert not Override.objects.exists()

    def test_costs_few_queries(self, proposer: User, django_assert_max_num_queries: Any) -> None:
        browser = browser_of(proposer)

        with django_assert_max_num_queries(MOST_QUERIES):
            browser.post(URL, typed(show="yes"))


class TestDrafting:
    def test_makes_a_request_of_the_person(self, proposer: User) -> None:
        sent(proposer, draft="yes")

        request = ChangeRequest.objects.get()
        override = request.lines.get().after
        assert override is not None
        assert (request.author, request.state, override.source) == (proposer, "in_review", "person")
        assert override.levers == {"size_mult": 0.9}
        assert override.line.scope == {"macro_phase": "Dip", "bucket": "micro"}

    def test_is_for_those_who_may(self, author: User) -> None:
        assert browser_of(author).post(URL, typed(draft="yes")).status_code == 403


class TestRefusal:
    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("pattern_key", "breakout", "must be family.state.motif"),
            ("scope", "weather=rain", "weather: not a dimension of pm"),
            ("scope", "macro_phase", "line 1: write name=value"),
            ("levers", "size_mult=9", "size_mult: 9 is outside"),
            ("levers", "sizes=1", "is no lever"),
            ("levers", "size_mult=big", "a target is a number"),
            ("n", "-1", "must be"),
            ("half_life_days", "0", "must be"),
        ],
    )
    def test_names_the_field_and_keeps_what_was_typed(
        self, proposer: User, field: str, value: str, message: str
    ) -> None:
        text = sent(proposer, **{field: value, "draft": "yes"})

        assert f'<a href="#id_{field}">' in text
        assert message in text
        assert "it does not work in a dip</textarea>" in text
        assert not ChangeRequest.objects.exists()
