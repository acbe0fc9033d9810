"""Votes are of those who may give them, on the content as it stands, while the request is open."""

from __future__ import annotations

from functools import partial

import pytest
from django.contrib.auth.models import User

from overrides.models import Mandate, Vote
from tests.builders import NOW
from tests.bypass.ways.forgery import (
    HONEST,
    LINE,
    Act,
    Forgery,
    as_before,
    refused,
    size,
    vote,
)
from tests.bypass.ways.open_request import asked, stands

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]


def voted_in(state: str) -> None:
    found = asked()
    stands(state=state)
    vote(found, "second")


def renewed(name: str = "second", decision: str = "approve", *, signer_left: bool = True, change: str = "") -> Act:
    """Vote on an applied request whose mandate still stands, after its signer has left or not."""

    def write() -> None:
        if signer_left:
            as_before("UPDATE auth_user SET is_active = false WHERE username = 'somebody'")
        found = Mandate.objects.get(line_id=LINE, revoked_at=None).request
        if change:
            as_before(change, found.pk)
        found.refresh_from_db()
        vote(found, name, decision)

    return write


class TestVotes:
    """A vote is of somebody else who may review, on the content as it stands, while it is open, in order."""

    @pytest.mark.parametrize("role", ["role", "owner"])
    @pytest.mark.parametrize(
        ("act", "why"),
        {
            "of another": (lambda: vote(asked(), "second"), HONEST),
            "of its author": (lambda: vote(asked(), "writer"), "nobody votes on their own"),
            "of an operator": (lambda: vote(asked(), "operator"), "person [0-9]+ may not review"),
            "on a request that is not there": (
                lambda: Vote.objects.create(
                    request_id=900_001,
                    voter=User.objects.get(username="second"),
                    decision="approve",
                    content_hash="a" * 64,
                    voted_at=NOW,
                ),
                "a vote is on a request that exists",
            ),
            "on what was applied, once a signer of its mandate has left": (renewed(), HONEST),
            "on what was applied while its signers are there": (renewed(signer_left=False), "while it is open"),
            "against what was applied": (renewed(decision="reject"), "while it is open"),
            "on what was applied, after the end of its mandate": (
                renewed(change="UPDATE overrides_mandate SET revoked_at = now() WHERE request_id = %s"),
                "while it is open",
            ),
            "on what was applied at once": (
                renewed(change="UPDATE overrides_changerequest SET route = 'at_once' WHERE id = %s"),
                "while it is open",
            ),
            "on what was rejected in spite of its mandate": (
                renewed(change="UPDATE overrides_changerequest SET state = 'rejected' WHERE id = %s"),
                "while it is open",
            ),
            "on another content": (
                lambda: vote(asked(), "second", content_hash="e" * 64),
                "on the content as it stands",
            ),
            **{
                f"while it is {state}": (partial(voted_in, state), "while it is open")
                for state in ("draft", "applied", "rejected", "cancelled", "expired", "failed")
            },
            **{
                f"while it is {state} ": (partial(voted_in, state), HONEST)
                for state in ("in_review", "changes_requested", "approved", "scheduled")
            },
        }.values(),
    )
    def test_are_of_those_who_may(self, act: Act, why: str, role: str) -> None:
        refused(act, why, role)

    def test_are_numbered_by_the_database(self) -> None:
        """An approval that chose a number of 9e9 would outlive the same person's later No."""

        def forged() -> None:
            forgery = Forgery(brings=(size(1.1),), voters=())
            found = forgery.draft()
            vote(found, id=9_000_000_000)
            vote(found, decision="reject")
            forgery.apply(found)
            forgery.publish()

        refused(forged, "has 0 of 1 approvals")

    def test_of_the_role_pass_as_those_of_the_person_it_names(self) -> None:
        """By design: behind one role the database cannot tell persons apart; README claims nothing else."""
        refused(lambda: vote(asked(), "second"), HONEST)
