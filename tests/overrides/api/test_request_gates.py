"""The gates of a request over the API are those that its page shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.requests.review import approve
from tests.api_clients import client_of
from tests.builders import draft, make_spec

pytestmark = pytest.mark.django_db


def reported_gates(number: int) -> dict[str, Any]:
    gates = client_of("read").get(f"/api/v1/requests/{number}/").json()["gates"]
    return {each.pop("name"): each for each in gates}


class TestGates:
    def test_name_every_obstacle_to_applying_it(self, author: User) -> None:
        request = draft(make_spec(stats={"n": 3}), author=author, at=datetime.now(UTC))

        gates = reported_gates(request.pk)

        assert sorted(gates) == ["evidence_below_bar", "missing_approvals", "wrong_state"]
        assert gates["missing_approvals"] == {
            "message": "it has 0 of 1 approvals of this content",
            "way_past": "a reviewer other than its author has to sign it",
            "severity": "blocks",
            "permission": "overrides.review_changerequest",
        }

    def test_are_none_once_it_is_agreed(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))
        approve(request_id=request.pk, by=reviewer, at=datetime.now(UTC))

        assert reported_gates(request.pk) == {}

    def test_are_reported_to_the_proposer(self) -> None:
        override = make_spec(stats={"n": 3}).to_document()
        del override["id"]
        proposal = {
            "module": "pm", "kind": "lines", "title": "a change", "reason": "because",
            "lines": [{"override": override}],
        }  # fmt: skip

        response = client_of("propose").post(
            "/api/v1/requests/", proposal, format="json", HTTP_IDEMPOTENCY_KEY="one-proposal-of-few-trades"
        )

        assert response.status_code == 201
        assert "evidence_below_bar" in [gate["name"] for gate in response.json()["gates"]]
