"""Decisions on several requests at once: a page that asks first, and an outcome for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import draft, make_spec

pytestmark = pytest.mark.django_db

URL = "/admin/overrides/changerequest/"


def drafted(author: User, scope: str) -> ChangeRequest:
    return draft(make_spec(scope={"bucket": scope}), author=author, at=datetime.now(UTC))


def sent(person: User, action: str, *requests: ChangeRequest, **data: Any) -> str:
    ticked = {"action": action, "_selected_action": [request.pk for request in requests]}
    response = browser_of(person).post(URL, ticked | data)
    assert response.status_code == 200
    return response.content.decode()


class TestTogether:
    def test_asks_before_anything_is_done(self, author: User, reviewer: User) -> None:
        one, other = drafted(author, "micro"), drafted(author, "big")

        text = sent(reviewer, "approve", one, other)

        assert "Approve 2 requests" in text
        assert not ChangeRequest.objects.filter(state="approved").exists()

    def test_reports_the_outcome_of_each(self, author: User, reviewer: User) -> None:
        one, own = drafted(author, "micro"), drafted(reviewer, "big")

        seen = [f"{each.pk}:{each.content_hash}" for each in (one, own)]
        text = sent(reviewer, "approve", one, own, decide="yes", reason="looked at", seen=seen)

        one.refresh_from_db()
        own.refresh_from_db()
        assert (one.state, own.state) == ("approved", "in_review")
        assert one.votes.get().reason == "looked at"
        assert "somebody else has to decide" in text

    def test_rejects_none_without_a_reason(self, author: User, reviewer: User) -> None:
        one = drafted(author, "micro")

        text = sent(reviewer, "reject", one, decide="yes", reason=" ")

        one.refresh_from_db()
        assert one.state == "in_review"
        assert "say why" in text

    def test_cancels_one_s_own(self, author: User) -> None:
        one, other = drafted(author, "micro"), drafted(author, "big")

        sent(author, "cancel", one, other, decide="yes", reason="a mistake")

        assert set(ChangeRequest.objects.values_list("state", flat=True)) == {"cancelled"}

    def test_is_offered_to_those_who_may(self, author: User, reviewer: User) -> None:
        drafted(author, "micro")

        assert "Approve the ticked requests" in page(browser_of(reviewer), URL)
        assert "Approve the ticked requests" not in page(browser_of(author), URL)

    def test_needs_no_query_per_request(self, author: User, reviewer: User, django_assert_max_num_queries: Any) -> None:
        requests = [drafted(author, f"b{number}") for number in range(12)]
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            ticked = {"action": "approve", "_selected_action": [request.pk for request in requests]}
            assert browser.post(URL, ticked).status_code == 200
