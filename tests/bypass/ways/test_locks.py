"""Whoever relies on what others may take back waits for them: each check holds the lock of the trail until commit.

A vote, a right, a mandate or a veto needs an audit entry, and thus the same lock. Constraints are checked here before
any entry is written, as a process may do by `SET CONSTRAINTS`.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from overrides.models import ChangeRequest, LineHold, Membership, ModulePolicy, Vote
from tests.builders import NOW
from tests.bypass.ways.forgery import DAY, LINE, as_before, audited, sql, vote
from tests.bypass.world import undone
from tests.people import somebody

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
    AND (classid::bigint << 32) | objid::bigint = hashtextextended('telemetry_auditentry', 0)
)
"""


def is_held() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        return bool(cursor.fetchone()[0])


def approved(**over: object) -> ChangeRequest:
    """A request that one person has approved, without any entry."""
    fields = {
        "module": "pm", "kind": "policy", "route": "review", "title": "t", "reason": "r", "author_name": "machine",
        "content": {}, "content_hash": "a" * 64, "movement": 0, "created_at": NOW, "expires_at": NOW + DAY,
        "state": "in_review",
    }  # fmt: skip
    asked = ChangeRequest.objects.create(**fields | over)
    Vote.objects.create(
        request=asked, voter=User.objects.get(username="second"), decision="approve", content_hash=asked.content_hash,
        voted_at=NOW,
    )  # fmt: skip
    ChangeRequest.objects.filter(pk=asked.pk).update(state="approved")
    return asked


@pytest.mark.parametrize("role", ["role", "owner"])
class TestTheLockOfTheTrailIsHeld:
    def test_from_the_first_entry_on(self, role: str) -> None:
        with undone(role):
            assert not is_held()
            audited("anything")
            assert is_held()

    def test_once_a_request_is_decided(self, role: str) -> None:
        with undone(role):
            asked = approved()
            assert not is_held()
            sql("SET CONSTRAINTS request_is_decided IMMEDIATE")
            assert is_held()
            audited(f"request {asked.pk}")

    def test_once_a_policy_is_decided(self, role: str) -> None:
        with undone(role):
            asked = approved()
            ChangeRequest.objects.filter(pk=asked.pk).update(state="applied", closed_at=NOW)
            ModulePolicy.objects.create(
                module="pm", number=1, is_active=True, document={}, request=asked, created_at=NOW, created_by="m"
            )
            assert not is_held()
            sql("SET CONSTRAINTS policy_is_decided IMMEDIATE")
            assert is_held()
            audited(f"request {asked.pk}", "policy pm/1")

    def test_once_a_veto_is_checked(self, role: str) -> None:
        as_before("UPDATE overrides_membership SET to_version = 9 WHERE line_id = %s AND to_version IS NULL", LINE)
        assert not Membership.objects.filter(line_id=LINE, to_version=None).exists()
        with undone(role):
            LineHold.objects.create(line_id=LINE, kind="veto", reason="x", placed_by=somebody(), placed_at=NOW)
            assert not is_held()
            sql("SET CONSTRAINTS veto_takes_out IMMEDIATE")
            assert is_held()
            audited(f"line {LINE}")


@pytest.mark.parametrize("role", ["role", "owner"])
def test_a_vote_locks_its_request_so_that_no_edit_passes_it(role: str) -> None:
    def holder() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT xmax::text FROM overrides_changerequest WHERE state = 'in_review'")
            return str(cursor.fetchone()[0])

    with undone(role):
        before = holder()
        vote(ChangeRequest.objects.get(state="in_review"), "second")
        assert holder() != before
