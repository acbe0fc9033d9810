"""The health of open requests is stored every minute, so that lists and the API can show it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeRequest
from overrides.requests.review import reject
from overrides.requests.staleness import refresh_health
from telemetry.models import AuditEntry
from tests.builders import NOW, approve_and_apply, draft, make_spec, publish

MINUTE = timedelta(minutes=1)


def refreshed_health(request: ChangeRequest) -> str:
    request.refresh_from_db()
    return request.health


@pytest.mark.django_db
class TestRefreshHealth:
    def test_leaves_a_request_that_fits_as_it_is(self) -> None:
        request = draft(make_spec())

        assert refresh_health(now=NOW) == 0
        assert refreshed_health(request) == "valid"

    def test_reports_once_that_a_line_was_changed_meanwhile(self) -> None:
        request = draft(make_spec())
        publish(make_spec({"size_mult": 1.2}))

        assert refresh_health(now=NOW + MINUTE) == 1
        assert refreshed_health(request) == "stale"
        entry = AuditEntry.objects.get(object=f"request {request.pk}", action="health")
        assert "was valid and is stale" in entry.content
        assert refresh_health(now=NOW + 2 * MINUTE) == 0

    def test_reports_rivals_on_one_line_and_their_end(self, reviewer: User) -> None:
        one, other = draft(make_spec()), draft(make_spec({"size_mult": 1.2}))

        assert refresh_health(now=NOW) == 2
        assert (refreshed_health(one), refreshed_health(other)) == ("conflict", "conflict")

        reject(request_id=other.pk, by=reviewer, reason="the first is better", at=NOW + MINUTE)
        assert refresh_health(now=NOW + MINUTE) == 1
        assert refreshed_health(one) == "valid"

    def test_reports_that_the_bar_for_evidence_was_raised(self) -> None:
        request = draft(make_spec())
        approve_and_apply(draft(kind="policy", content=GovernancePolicy(least_n=2_000_000).to_document()))

        assert refresh_health(now=NOW) == 1
        assert refreshed_health(request) == "evidence_lapsed"

    def test_looks_at_no_request_that_is_closed(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author)
        reject(request_id=request.pk, by=reviewer, reason="no", at=NOW)
        publish(make_spec({"size_mult": 1.2}))

        assert refresh_health(now=NOW) == 0
        assert refreshed_health(request) == "valid"
