"""Whoever relies on what others may take back waits for them: each check holds the lock of the trail until commit.

A vote, a right, a mandate or a veto needs an audit entry, and thus the same lock. Constraints are checked here before
any entry is written, as a process may do by `SET CONSTRAINTS`.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from overrides.models import ChangeRequest, LineHold, Mandate, MandateRenewal, Membership, ModulePolicy, Vote
from tests.builders import NOW
from tests.bypass.ways.forgery import DAY, LINE, as_before, audited, sql, vote
from tests.bypass.ways.test_renewals import LATER, standing
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


def renewed() -> Mandate:
    """The mandate of a line, whose renewal one person has approved, without any entry."""
    found = standing()
    MandateRenewal.objects.create(mandate=found, voter=User.objects.get(username="second"), reason="x", voted_at=LATER)
    return found


def holder(table: str, row: int) -> str:
    """The transaction that locked a row last."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmax::text FROM {table} WHERE id = %s", [row])
        return str(cursor.fetchone()[0])


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

    def test_once_a_renewal_is_checked(self, role: str) -> None:
        with undone(role):
            before = renewed()
            Mandate.objects.create(
                line_id=before.line_id, request_id=before.request_id, direction=before.direction, reach=before.reach,
                evidence_floor=before.evidence_floor, granted_at=LATER, review_by=LATER + DAY, renews=before,
            )  # fmt: skip
            assert not is_held()
            sql("SET CONSTRAINTS mandate_is_signed IMMEDIATE")
            assert is_held()
            audited(f"request {before.request_id}")

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
    with undone(role):
        asked = ChangeRequest.objects.get(state="in_review")
        before = holder("overrides_changerequest", asked.pk)
        vote(asked, "second")
        assert holder("overrides_changerequest", asked.pk) != before


@pytest.mark.parametrize("role", ["role", "owner"])
def test_the_approval_of_a_renewal_locks_its_mandate_so_that_no_end_passes_it(role: str) -> None:
    with undone(role):
        before = holder("overrides_mandate", standing().pk)
        found = renewed()
        assert holder("overrides_mandate", found.pk) != before
        audited(f"request {found.request_id}")
