"""Suspended mandates: when they are, and how reviewers sign them again."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection

from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, Mandate, Vote
from overrides.requests.apply import apply_request
from overrides.requests.auto_publish import publish_within_mandates
from overrides.requests.governance_store import live_mandates
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.renewal import renew_mandates, suspended_at, suspended_of
from overrides.requests.review import approve, reject
from overrides.requests.votes import suspended
from telemetry.audit.verify_trail import verify_trail
from tests.builders import DAY, NOW, approve_and_apply, draft, make_spec, publish
from tests.conftest import make_user
from tests.people import as_committed, settled, somebody

pytestmark = pytest.mark.django_db

BIG = make_spec(scope={"bucket": "big"})


def leave(person: User) -> None:
    as_committed()
    with settled():
        User.objects.filter(pk=person.pk).update(is_active=False)


def applied() -> ChangeRequest:
    """Publish two lines that `somebody` approves, who is deactivated then."""
    request = publish(make_spec(), BIG).request
    leave(somebody())
    return request


def stand(request: ChangeRequest) -> list[bool]:
    """Return of each mandate of a request whether the database counts it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mandate_stands(m, %s) FROM overrides_mandate AS m WHERE request_id = %s", [NOW, request.pk]
        )
        return [row[0] for row in cursor.fetchall()]


class TestSuspended:
    def test_are_the_mandates_whose_signer_may_not_vote_any_more(self) -> None:
        request = applied()

        assert set(suspended_of(request, NOW).values()) == {"0 of 1 signatures still count (somebody: deactivated)"}
        assert Mandate.objects.filter(suspended_at(NOW)).count() == 2
        assert stand(request) == [False, False]
        assert live_mandates([make_spec().line, BIG.line]) == {}

    def test_are_not_those_that_are_overdue_ended_or_of_lines_out_of_force(self) -> None:
        request = applied()
        publish_by_another(withdraw=BIG.line)

        assert [each.line_id for each in Mandate.objects.filter(suspended_at(NOW))] == [make_spec().line]
        assert suspended_of(request, NOW + 91 * DAY) == {}
        assert not Mandate.objects.filter(suspended_at(NOW + 91 * DAY)).exists()

    def test_name_what_the_database_names(self) -> None:
        request = applied()
        kept = publish_by_another(bring={"bucket": "mid"})

        found = suspended(list(Mandate.objects.all()))

        assert {each.request_id for each in Mandate.objects.filter(pk__in=found)} == {request.pk}
        assert (stand(request), stand(kept)) == ([False, False], [True])


class TestRenewal:
    def test_brings_all_mandates_of_a_request_back_on_their_terms(self, reviewer: User) -> None:
        request = applied()
        before = list(Mandate.objects.values("id", "reach", "evidence_floor", "review_by").order_by("id"))

        assert renew_mandates(request_id=request.pk, by=reviewer, at=NOW) == 2

        as_committed()
        assert list(Mandate.objects.values("id", "reach", "evidence_floor", "review_by").order_by("id")) == before
        assert suspended_of(request, NOW) == {}
        assert stand(request) == [True, True]
        assert set(live_mandates([make_spec().line, BIG.line])) == {make_spec().line, BIG.line}

    def test_is_a_vote_with_an_entry_that_the_nightly_check_understands(self, reviewer: User) -> None:
        request = applied()
        renew_mandates(request_id=request.pk, by=reviewer, at=NOW, reason="looked at it again")

        assert [(each.voter, each.reason) for each in Vote.objects.filter(request=request).order_by("pk")] == [
            (somebody(), ""), (reviewer, "looked at it again"),
        ]  # fmt: skip
        assert [str(each) for each in verify_trail(full=True).findings] == []

    def test_lets_the_builder_publish_again(self, reviewer: User) -> None:
        request = applied()
        withdrawn = {BIG.line: None}
        assert publish_within_mandates(module="pm", proposed=withdrawn, source="test", at=NOW) is None

        renew_mandates(request_id=request.pk, by=reviewer, at=NOW)

        published = publish_within_mandates(module="pm", proposed=withdrawn, source="test", at=NOW)
        assert published is not None
        as_committed()

    def test_is_refused_where_no_mandate_is_suspended(self, reviewer: User) -> None:
        request = publish(make_spec()).request

        with pytest.raises(GateError, match="no mandate of this request is suspended"):
            renew_mandates(request_id=request.pk, by=reviewer, at=NOW)

    def test_is_refused_to_the_author_and_to_who_may_not_review(self, operator: User) -> None:
        writer = make_user("writer", "overrides.review_changerequest")
        request = approve_and_apply(draft(make_spec(), author=writer))
        leave(somebody())

        with pytest.raises(GateError, match="you drafted this request"):
            renew_mandates(request_id=request.pk, by=writer, at=NOW)
        with pytest.raises(GateError, match="you may not decide about requests"):
            renew_mandates(request_id=request.pk, by=operator, at=NOW)

    def test_is_refused_to_who_is_in_no_group_that_counted_at_signing(self, reviewer: User) -> None:
        person = somebody()
        with settled():
            person.groups.create(name="risk")
        approve_and_apply(draft(kind="policy", content={"groups": ["risk"]}))
        request = applied()

        with pytest.raises(GateError, match="votes of risk alone count here"):
            renew_mandates(request_id=request.pk, by=reviewer, at=NOW)

    def test_takes_as_many_signatures_as_are_missing(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"approvals": 2}))
        as_committed()
        request = draft(make_spec())
        approve(request_id=request.pk, by=make_user("leaver", "overrides.review_changerequest"), at=NOW)
        approve_and_apply(request)
        leave(User.objects.get(username="leaver"))
        leave(somebody())

        assert renew_mandates(request_id=request.pk, by=reviewer, at=NOW) == 0
        assert renew_mandates(request_id=request.pk, by=second(), at=NOW) == 1


class TestTheDatabase:
    @pytest.mark.parametrize("decision", ["reject", "request_changes"])
    def test_takes_no_vote_against_what_was_applied(self, reviewer: User, decision: str) -> None:
        with pytest.raises(IntegrityError, match="a vote is on the content as it stands, while it is open"):
            vote(applied(), reviewer, decision)

    def test_takes_no_vote_on_what_was_applied_without_mandates(self, reviewer: User) -> None:
        request = approve_and_apply(draft(kind="mode", content={"mode": "shadow"}))

        with pytest.raises(IntegrityError, match="a vote is on the content as it stands, while it is open"):
            vote(request, reviewer, "approve")

    def test_takes_no_vote_on_what_was_rejected(self, reviewer: User) -> None:
        request = draft(make_spec())
        reject(request_id=request.pk, by=reviewer, reason="no", at=NOW)

        with pytest.raises(IntegrityError, match="a vote is on the content as it stands, while it is open"):
            vote(request, reviewer, "approve")


def vote(request: ChangeRequest, by: User, decision: str) -> None:
    request.refresh_from_db()
    Vote.objects.create(
        request=request, voter=by, decision=decision, content_hash=request.content_hash, reason="x", voted_at=NOW
    )


def second() -> User:
    return make_user("second", "overrides.review_changerequest", "overrides.apply_changerequest")


def publish_by_another(bring: dict[str, str] | None = None, withdraw: str = "", at: datetime = NOW) -> ChangeRequest:
    """Publish a line, or withdraw one, with the approval of a person who stays."""
    request = draft(make_spec(scope=bring), at=at) if bring else draft(lines=[DraftLine(withdraw, None)], at=at)
    by = second()
    approve(request_id=request.pk, by=by, at=at)
    return apply_request(request_id=request.pk, by=by, at=at)
