"""What the processes' role could write into the trail itself, or beside it: each lie is named."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from overrides.models import ChangeRequest, Vote
from overrides.requests.transitions import audit_request
from telemetry.audit.audit_log import write_audit
from tests.builders import NOW, draft, make_spec
from tests.bypass.world import undone
from tests.overrides.monitoring.verify_trail.world import LINE, found

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.django_db]

FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "a vote that nobody gave": (
        {"action": "approve", "object": "request {request}", "after": {"vote": {"id": 999_999, "voter": 1}}},
        "vote 999999: is not there, and audit entry",
    ),
    "a vote that it does not name": (
        {"action": "approve", "object": "request {request}", "after": {}},
        "says approve of request {request} and names no vote",
    ),
    "a vote of another than its actor": (
        {
            "action": "approve", "object": "request {request}", "actor": "operator",
            "after": {"vote": {"id": 1, "voter": 1}},
        },
        "says that operator gave the vote of",
    ),
    "a request that is no number": ({"action": "draft", "object": "request x"}, "cannot be compared with rows"),
    "a request that is not there": (
        {"action": "draft", "object": "request 999999", "after": {"state": "draft"}}, "request 999999: is not there",
    ),
    "another state of a request": (
        {"action": "edit", "object": "request {request}", "after": {"state": "draft"}},
        'request {request}: state is "applied", and audit entry',
    ),
    "a mode": (
        {"action": "mode", "object": "mode pm", "after": {"mode": "on"}}, 'mode pm: mode is "off", and audit entry',
    ),
    "a mode of no module": ({"action": "mode", "object": "mode xx"}, "mode xx: is not there"),
    "a version": ({"action": "publish", "object": "version pm/99"}, "version pm/99: is not there"),
    "a version a second time": (
        {"action": "publish", "object": "version pm/1"}, "says of version pm/1 again what audit entry",
    ),
    "a policy": ({"action": "policy", "object": "policy pm/99"}, "policy pm/99: is not there"),
    "mandates in no form": (
        {"action": "mandates", "object": "request {request}", "after": {"signed": 1}}, "cannot be compared with rows",
    ),
    "the end of a mandate that is not there": (
        {"action": "mandates", "object": "request {request}", "after": {"signed": [], "ended": [999_999]}},
        "mandate 999999: is not there",
    ),
    "a veto": ({"action": "veto", "object": "line {line}", "after": {"hold": 999_999}}, "hold 999999: is not there"),
    "a veto that it does not name": ({"action": "veto", "object": "line {line}"}, "and names no hold"),
    "that a pin was lifted": (
        {"action": "lift veto", "object": "line {line}", "after": {"hold": 999_999}}, "and none stood there",
    ),
    "a quarantine": (
        {"action": "quarantine", "object": "builder dm", "after": {"quarantine": 999_999}}, "quarantine 999999: is not",
    ),
    "that a quarantine was lifted": ({"action": "lift quarantine", "object": "builder dm"}, "and none stood there"),
}  # fmt: skip


class TestTheApplicationRole:
    @pytest.mark.parametrize("lie", FORGED)
    def test_forges_an_entry_and_it_is_named(self, lie: str) -> None:
        fields, told = FORGED[lie]
        names = {"request": ChangeRequest.objects.earliest("pk").pk, "line": LINE}
        fields = {"actor": "chief", "reason": "x", "before": None, "after": None, "at": NOW} | fields
        fields["object"] = fields["object"].format(**names)

        with undone("role"):
            write_audit(**fields)
            heard = found()

        assert [each for each in heard if told.format(**names) in each], heard

    def test_writes_an_entry_that_is_none_and_it_is_named(self) -> None:
        with undone("role"), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction, format, "
                "epoch) VALUES (0, '', '', '[]', now(), 0, 0, 0)"
            )
            heard = found()

        assert [each for each in heard if "was not written by this system" in each], heard

    def test_votes_under_an_entry_of_something_else_and_the_vote_is_named(self, chief: User) -> None:
        asked = draft(make_spec({"size_mult": 1.07}))

        with undone("role"):
            Vote.objects.create(
                request=asked, voter=chief, decision="approve", content_hash=asked.content_hash, voted_at=NOW
            )
            audit_request(asked, "comment", "chief", "so", NOW)
            heard = found()

        assert [each for each in heard if each.endswith("no audit entry says that it was made")], heard
