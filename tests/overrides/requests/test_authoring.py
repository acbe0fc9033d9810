"""How many open requests an author may have, whoever that is and however they are drafted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest
from overrides.requests.review import approve, cancel
from tests.builders import NOW, attempt, draft, make_spec, publish, run_concurrently

BUCKETS = ("micro", "small", "big")


def ask(bucket: str = "micro", **over: Any) -> ChangeRequest:
    return draft(make_spec(scope={"bucket": bucket}), **over)


@pytest.mark.django_db
class TestOpenRequests:
    def test_are_twenty_of_one_author_at_most(self, author: User) -> None:
        for _ in range(20):
            ask(author=author)

        with pytest.raises(GateError, match="author has 20 open requests, as many as one author may have; cancel some"):
            ask(author=author)

        assert ChangeRequest.objects.count() == 20

    def test_of_others_do_not_count(self, author: User, reviewer: User, settings: Any) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 1
        ask(author=author)

        ask(author=reviewer)
        ask(author_name="key bot (abc)")
        with pytest.raises(GateError, match="has 1 open requests"):
            ask(author_name="key bot (abc)")

    def test_count_as_drafts_and_stop_counting_when_closed(self, author: User, settings: Any) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 1
        request = ask(author=author, submit=False)
        with pytest.raises(GateError, match="has 1 open requests"):
            ask(author=author)

        cancel(request_id=request.pk, by=author, reason="not now", at=NOW)

        ask(author=author)

    def test_are_not_what_a_reviewer_splits_off(self, author: User, reviewer: User, settings: Any) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 1
        request = draft(*[make_spec(scope={"bucket": each}) for each in BUCKETS], author=author)
        line = request.lines.order_by("line_id").values_list("line_id", flat=True)[0]

        approve(request_id=request.pk, by=reviewer, only=[line], expected_hash=request.content_hash, at=NOW)

        assert ChangeRequest.objects.filter(author=author, state__in=ChangeRequest.OPEN).count() == 2


@pytest.mark.django_db(transaction=True)
class TestDraftsAtOnce:
    def test_pass_the_bound_by_none(self, settings: Any) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 2
        publish(make_spec())

        def one_of(bucket: str) -> Any:
            return lambda: attempt(lambda: ask(bucket, author_name="flood", at=NOW + timedelta(seconds=1)))

        run_concurrently(*[one_of(each) for each in (*BUCKETS, *BUCKETS)])

        assert ChangeRequest.objects.filter(author_name="flood").count() == 2
