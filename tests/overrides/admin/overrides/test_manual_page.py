"""A manual override: refused at its fields, previewed, and drafted as the person's request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest, Override
from overrides.requests.manual_entry import edit
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import make_lesson, make_spec, publish
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

    def test_says_that_it_would_be_blocked_and_not_that_it_would_act(self, proposer: User) -> None:
        """A size above neutral on an edge below zero."""
        text = sent(proposer, show="yes", levers="size_mult=1.1", n="100", edge_raw="-1.5")

        assert "It cannot be approved as it is" in text
        assert "move against the sign of their own edge. To resolve it: correct the edge or the targets" in text
        assert "would act" not in text.replace("would not act", "")

    def test_names_the_lines_that_pull_the_other_way(self, proposer: User) -> None:
        other = make_spec({"size_mult": 1.2}, scope={"bucket": "micro"})
        publish(other)

        text = sent(proposer, show="yes")

        assert "1 line pulls the other way" in text
        assert f"/admin/overrides/override/{other.id}/change/" in text


class TestAgainstTheMeasurement:
    """The lesson of the same line measured +0.8 R on 40 trades with variance .5: 0.8 ± 1.96 · 0.1118."""

    @pytest.fixture(autouse=True)
    def lesson(self, db: None) -> None:
        make_lesson(scope={"macro_phase": "Dip", "bucket": "micro"})

    def test_is_refused_without_saying_why(self, proposer: User) -> None:
        text = sent(proposer, draft="yes")

        assert "+0.80 R (+0.58 to +1.02) on 40 trades was measured, of the other sign" in text
        assert not ChangeRequest.objects.exists()

    def test_shows_on_the_request_with_its_reason(self, proposer: User, reviewer: User) -> None:
        sent(proposer, draft="yes", despite="the venue changed its fees")

        request = ChangeRequest.objects.get()
        assert request.reason.endswith(
            "Contradicts the measurement, +0.80 R (+0.58 to +1.02) on 40 trades: the venue changed its fees"
        )
        text = page(browser_of(reviewer), f"/admin/overrides/changerequest/{request.pk}/change/")
        assert "Contradicts the measurement: +0.80 R (+0.58 to +1.02) on 40 trades</span>" in text
        assert "weigh the stated reason against the measurement, or reject it" in text

    def test_shows_after_an_edit_too(self, proposer: User) -> None:
        sent(proposer, draft="yes", despite="the venue changed its fees")
        request = ChangeRequest.objects.get()
        change = request.lines.get()

        edit(
            request_id=request.pk, by=proposer, title="t", reason="r", at=datetime.now(UTC), keep=[change.pk],
            levers={change.pk: {"size_mult": 0.95}},
        )  # fmt: skip

        assert request.lines.get().differences == [
            "by hand", "contradicts the measurement: +0.80 R (+0.58 to +1.02) on 40 trades",
        ]  # fmt: skip

    def test_is_foreseen_by_the_preview(self, proposer: User) -> None:
        assert "contradicts the measurement: +0.80 R (+0.58 to +1.02) on 40 trades" in sent(proposer, show="yes")

    def test_is_no_contradiction_with_the_same_sign(self, proposer: User) -> None:
        sent(proposer, draft="yes", edge_raw="0.2", levers="size_mult=1.02")

        assert ChangeRequest.objects.get().lines.get().differences == ["by hand"]


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
