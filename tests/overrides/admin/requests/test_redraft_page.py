"""Requesting changes on a machine's request: what the page says before, what it sends, and where it leads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.proposals.materialize import materialize
from overrides.models import ChangeRequest, LineHold
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, draft, make_lesson, make_spec
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/overrides/changerequest/"
DIP, BAD = {"macro_phase": "Dip"}, {"macro_phase": "Bad"}


@pytest.fixture
def desk(db: None) -> User:
    return make_user("desk", "overrides.review_changerequest", "overrides.lower_modulemode")


@pytest.fixture
def asked(db: None) -> ChangeRequest:
    """A request of three lines in two groups."""
    make_lesson()
    make_lesson(scope=DIP)
    make_lesson(scope=BAD, pattern_key="ema.long.cross")
    request = materialize(module="pm", now=datetime.now(UTC))
    assert request is not None
    return request


def field(request: ChangeRequest, **scope: str) -> str:
    return f"line-{request.lines.get(line__scope=scope).pk}"


def send(person: User, request: ChangeRequest, **data: Any) -> Any:
    until = datetime.now(UTC) + 10 * DAY
    fields = {"reason": "too bold", "until": until.strftime("%Y-%m-%dT%H:%M"), "seen": request.content_hash} | data
    return browser_of(person).post(f"{REQUESTS}{request.pk}/redraft/", fields, follow=True)


class TestPage:
    def test_says_what_each_choice_does(self, desk: User, asked: ChangeRequest) -> None:
        text = page(browser_of(desk), f"{REQUESTS}{asked.pk}/redraft/")

        assert f"Request {asked.pk} is cancelled, and the machine that drafted it (materializer) drafts its" in text
        assert "(0 of these 3 lines) is retired at once, and its mandate ends." in text
        assert "no machine changes it (0 of these lines have a mandate)" in text
        assert "½ of the movement: size_mult 1.049" in text
        assert "All 2 lines of donchian.long.breakout entry" in text

    def test_is_reached_from_the_request(self, desk: User, asked: ChangeRequest, author: User) -> None:
        href = f'href="{REQUESTS}{asked.pk}/redraft/?seen={asked.content_hash}">Request changes…</a>'
        by_person = draft(make_spec(), author=author, at=datetime.now(UTC))

        assert href in page(browser_of(desk), f"{REQUESTS}{asked.pk}/change/")
        text = page(browser_of(desk), f"{REQUESTS}{by_person.pk}/change/")
        assert "redraft" not in text
        assert f"{REQUESTS}{by_person.pk}/request_changes/" in text

    def test_offers_no_veto_to_whom_it_is_not(self, reviewer: User, asked: ChangeRequest) -> None:
        text = page(browser_of(reviewer), f"{REQUESTS}{asked.pk}/redraft/")

        assert "leave out (veto)" not in text
        assert "hold as it is (pin)" in text

    def test_says_why_a_request_cannot_be_returned(self, desk: User, author: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))

        text = page(browser_of(desk), f"{REQUESTS}{request.pk}/redraft/")

        assert "cannot be returned with wishes: a person drafted this request" in text

    def test_costs_no_query_a_line(self, desk: User, django_assert_max_num_queries: Any) -> None:
        for number in range(40):
            make_lesson(scope={"bucket": f"b{number}"})
        request = materialize(module="pm", now=datetime.now(UTC))
        assert request is not None
        browser = browser_of(desk)

        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, f"{REQUESTS}{request.pk}/redraft/")


class TestSending:
    def test_leads_to_the_next_draft(self, desk: User, asked: ChangeRequest) -> None:
        response = send(desk, asked, **{field(asked, **DIP): "hold", field(asked, **BAD): "half"})

        successor = ChangeRequest.objects.get(succeeds=asked)
        assert response.redirect_chain[-1][0] == f"{REQUESTS}{successor.pk}/change/"
        text = response.content.decode()
        assert (
            f"Request {asked.pk} was returned and is cancelled. This is its next draft, request {successor.pk}" in text
        )
        assert f'<a href="{REQUESTS}{asked.pk}/change/">request {asked.pk}</a>' in text
        assert f'<a href="{REQUESTS}{successor.pk}/change/">request' in page(
            browser_of(desk), f"{REQUESTS}{asked.pk}/change/"
        )
        assert successor.lines.count() == 2

    def test_applies_the_choice_of_a_group_where_a_line_has_none(self, desk: User, asked: ChangeRequest) -> None:
        send(desk, asked, **{"group-donchian.long.breakout-entry": "hold", field(asked, **DIP): "quarter"})

        assert sorted(LineHold.objects.values_list("kind", "line__pattern_key")) == [
            ("cap", "donchian.long.breakout"), ("pin", "donchian.long.breakout"),
        ]  # fmt: skip

    def test_shows_what_was_refused_and_keeps_the_choices(self, desk: User, asked: ChangeRequest) -> None:
        response = send(desk, asked, reason=" ", **{field(asked, **DIP): "half"})

        text = response.content.decode()
        assert "Nothing was changed." in text
        assert '<option value="half" selected>' in text
        asked.refresh_from_db()
        assert asked.state == "in_review"

    def test_needs_a_choice(self, desk: User, asked: ChangeRequest) -> None:
        assert "choose for at least one line what should be different" in send(desk, asked).content.decode()

    def test_is_not_for_people_who_may_not_review(self, author: User, asked: ChangeRequest) -> None:
        assert send(author, asked).status_code == 403
