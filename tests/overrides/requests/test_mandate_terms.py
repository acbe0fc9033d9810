"""Renewing a mandate whose review is due, and revoking one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from overrides.core.governance.errors import GateError
from overrides.models import Mandate, MandateRenewal, Membership
from overrides.requests.auto_publish import publish_within_mandates
from overrides.requests.governance_store import live_mandates
from overrides.requests.mandate_terms import Renewal, renew_mandate, revoke_mandate
from overrides.requests.renewal import suspended_at, suspended_of
from telemetry.audit.verify_trail import verify_trail
from tests.builders import DAY, NOW, approve_and_apply, draft, make_spec, publish
from tests.conftest import make_user
from tests.people import as_committed, settled, somebody

pytestmark = pytest.mark.django_db

SPEC = make_spec()
DUE = NOW + 80 * DAY
AGAIN = DUE + timedelta(minutes=1)


def standing() -> Mandate:
    return Mandate.objects.get(line=SPEC.line, revoked_at=None)


def renew(by: User, at: datetime = DUE) -> Renewal:
    return renew_mandate(mandate_id=standing().pk, by=by, reason="the edge is still there", at=at)


def second() -> User:
    return make_user("second", "overrides.review_changerequest")


class TestRenewing:
    def test_signs_another_mandate_on_the_same_terms_until_a_later_review(self, reviewer: User) -> None:
        publish(SPEC)
        before = standing()

        found = renew(reviewer)

        renewed = standing()
        before.refresh_from_db()
        assert found == Renewal(renewed, 1, 1)
        assert before.revoked_at == DUE
        assert renewed.review_by == DUE + 90 * DAY
        for field in ("line_id", "request_id", "direction", "reach", "evidence_floor", "edge_sign"):
            assert getattr(renewed, field) == getattr(before, field)

    def test_is_understood_by_the_nightly_check(self, reviewer: User) -> None:
        publish(SPEC)
        renew(reviewer)

        assert [str(each) for each in verify_trail(full=True).findings] == []

    def test_lets_the_builder_go_on(self, reviewer: User) -> None:
        publish(SPEC)
        late = NOW + 100 * DAY
        withdrawn = {SPEC.line: None}
        assert publish_within_mandates(module="pm", proposed=withdrawn, source="test", at=late) is None

        renew(reviewer, at=late)

        assert publish_within_mandates(module="pm", proposed=withdrawn, source="test", at=late) is not None
        as_committed()

    def test_takes_as_many_approvals_as_the_policy_of_today_asks_for(self, reviewer: User) -> None:
        publish(SPEC)
        as_committed()
        approve_and_apply(draft(kind="policy", content={"approvals": 2, "mandate_days": 30}))
        before = standing()

        assert renew(reviewer) == Renewal(None, 1, 2)
        assert standing() == before
        with pytest.raises(GateError, match="you have approved its renewal already"):
            renew(reviewer)
        assert renew(second(), at=AGAIN).approvals == 2

        assert standing().review_by == AGAIN + 30 * DAY
        assert standing().approvals_needed == 2

    def test_asks_for_more_evidence_where_the_policy_does_now(self, reviewer: User) -> None:
        publish(SPEC)
        as_committed()
        approve_and_apply(draft(kind="policy", content={"evidence_kept": 0.8}))

        renew(reviewer)

        assert standing().evidence_floor["least_n"] == pytest.approx(0.8 * SPEC.stats.n)
        as_committed()

    def test_is_refused_before_it_is_due(self, reviewer: User) -> None:
        publish(SPEC)

        with pytest.raises(GateError, match="its review is not due before 20"):
            renew(reviewer, at=NOW + DAY)

    def test_is_refused_to_the_author_to_who_may_not_review_and_without_a_reason(
        self, reviewer: User, operator: User
    ) -> None:
        writer = make_user("writer", "overrides.review_changerequest")
        approve_and_apply(draft(SPEC, author=writer))

        with pytest.raises(GateError, match="you drafted its request"):
            renew(writer)
        with pytest.raises(GateError, match="you may not decide about requests"):
            renew(operator)
        with pytest.raises(GateError, match="say why"):
            renew_mandate(mandate_id=standing().pk, by=reviewer, reason=" ", at=DUE)

    def test_is_refused_to_who_is_in_no_group_of_the_policy(self, reviewer: User) -> None:
        publish(SPEC)
        person = somebody()
        with settled():
            person.groups.create(name="risk")
        approve_and_apply(draft(kind="policy", content={"groups": ["risk"]}))

        with pytest.raises(GateError, match="votes of risk alone count here"):
            renew(reviewer)
        assert renew(person).mandate is not None

    def test_is_refused_where_it_has_ended_or_its_line_is_out_of_force(self, reviewer: User) -> None:
        publish(SPEC)
        mandate = standing()
        publish(withdraw=[SPEC.line])
        assert not Membership.objects.filter(to_version=None).exists()

        with pytest.raises(GateError, match="it has ended"):
            renew_mandate(mandate_id=mandate.pk, by=reviewer, reason="x", at=DUE)


class TestSignersOfRenewed:
    def test_suspend_it_when_they_leave_and_the_first_signers_do_not(self, reviewer: User) -> None:
        publish(SPEC)
        renew(reviewer)
        leave(somebody())
        assert live_mandates([SPEC.line]) == {SPEC.line: standing()}
        assert not Mandate.objects.filter(suspended_at(DUE)).exists()

        leave(reviewer)

        assert live_mandates([SPEC.line]) == {}
        assert list(Mandate.objects.filter(suspended_at(DUE))) == [standing()]
        assert suspended_of(standing().request, DUE) == {}  # signing the request again would not help it

    def test_are_replaced_by_another_renewal_at_any_time(self, reviewer: User) -> None:
        publish(SPEC)
        renew(reviewer)
        leave(reviewer)

        renew(second(), at=AGAIN)

        assert set(live_mandates([SPEC.line])) == {SPEC.line}
        assert MandateRenewal.objects.count() == 2


class TestRevoking:
    def test_ends_it_at_once_and_leaves_what_is_in_force(self, operator: User) -> None:
        publish(SPEC)

        revoke_mandate(mandate_id=standing().pk, by=operator, reason="not any more", at=NOW)

        assert Mandate.objects.get().revoked_at == NOW
        assert Membership.objects.filter(line=SPEC.line, to_version=None).exists()
        assert live_mandates([SPEC.line]) == {}
        assert [str(each) for each in verify_trail(full=True).findings] == []

    def test_is_refused_without_permission_without_a_reason_and_a_second_time(
        self, operator: User, author: User
    ) -> None:
        publish(SPEC)
        key = standing().pk

        with pytest.raises(GateError, match="you may not do this"):
            revoke_mandate(mandate_id=key, by=author, reason="x", at=NOW)
        with pytest.raises(GateError, match="say why"):
            revoke_mandate(mandate_id=key, by=operator, reason="", at=NOW)
        revoke_mandate(mandate_id=key, by=operator, reason="x", at=NOW)
        with pytest.raises(GateError, match="has ended already"):
            revoke_mandate(mandate_id=key, by=operator, reason="x", at=NOW)


def leave(person: User) -> None:
    as_committed()
    with settled():
        User.objects.filter(pk=person.pk).update(is_active=False)
