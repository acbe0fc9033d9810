"""Where time is not simulated, no time that grants or proves anything is the writer's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from overrides.models import ChangeRequest, Comment, LineHold, Mandate, ModuleMode, Quarantine
from telemetry.audit.audit_log import write_audit
from tests.builders import NOW
from tests.bypass.ways.forgery import HONEST, LINE, OTHER, Act, as_before, audited, refused, sql, then
from tests.people import somebody

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

Timed = Callable[[datetime], object]
FUTURE, PAST, CLOSE = timedelta(hours=1), -timedelta(hours=1), timedelta(seconds=3)


def entry(at: datetime) -> None:
    write_audit(actor="m", action="x", object="anything", reason="x", before=None, after=None, at=at)


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)


def hold(at: datetime) -> None:
    LineHold.objects.create(line_id=LINE, kind="pin", reason="x", placed_by=somebody(), placed_at=at)


def lift(at: datetime) -> None:
    hold(now())
    LineHold.objects.update(lifted_at=at)


def quarantine(at: datetime) -> None:
    Quarantine.objects.create(module="pm", reason="x", placed_by=somebody(), placed_at=at)


def unquarantine(at: datetime) -> None:
    quarantine(now())
    Quarantine.objects.update(lifted_at=at)


def vote(at: datetime) -> None:
    sql(
        "INSERT INTO overrides_vote (request_id, voter_id, decision, content_hash, reason, voted_at) "
        "SELECT r.id, u.id, 'approve', r.content_hash, '', %s FROM overrides_changerequest AS r, auth_user AS u "
        "WHERE r.state = 'in_review' AND u.username = 'second'", at,
    )  # fmt: skip


def request(column: str) -> Timed:
    return lambda at: sql(f"UPDATE overrides_changerequest SET {column} = %s WHERE state = 'in_review'", at)


def mode_of_dm(at: datetime) -> None:
    ModuleMode.objects.create(module="dm", mode="off", changed_at=at, changed_by="m", reason="m")


def mandate(at: datetime) -> None:
    sql(
        "INSERT INTO overrides_mandate (line_id, request_id, direction, reach, evidence_floor, granted_at, review_by, "
        "edge_sign, approvals_needed, voter_groups) SELECT line_id, request_id, direction, reach, evidence_floor, %s, "
        "review_by, 1, 1, '[]' FROM overrides_mandate",
        at,
    )


def policy(at: datetime) -> None:
    WRITES["overrides_modulepolicy.created_at"](now())
    sql("UPDATE overrides_modulepolicy SET created_at = %s", at)


def acknowledgement(at: datetime) -> None:
    as_before("INSERT INTO telemetry_notice (entry_id, audience) SELECT min(seq), 'x' FROM telemetry_auditentry")
    sql(
        "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) SELECT n.id, u.id, %s "
        "FROM telemetry_notice AS n, auth_user AS u",
        at,
    )


def renewal(at: datetime) -> None:
    sql(
        "INSERT INTO overrides_mandaterenewal (mandate_id, voter_id, reason, voted_at) "
        "SELECT m.id, u.id, 'x', %s FROM overrides_mandate AS m, auth_user AS u "
        "WHERE m.revoked_at IS NULL AND u.username = 'second'",
        at,
    )


def evidence(at: datetime) -> None:
    sql(
        "UPDATE overrides_changerequest SET edition = edition + 1, content_hash = repeat('b', 64) "
        "WHERE state = 'in_review'"
    )
    sql(
        "INSERT INTO overrides_requestevidence (request_id, edition, document, document_hash, stored_at) "
        "SELECT id, edition, '{}', 'x', %s FROM overrides_changerequest WHERE state = 'in_review'",
        at,
    )


WRITES: dict[str, Timed] = {
    "overrides_changerequest.created_at": lambda at: sql(
        "INSERT INTO overrides_changerequest SELECT (jsonb_populate_record(r, jsonb_build_object('id', 900001, "
        "'created_at', %s, 'submitted_at', NULL))).* FROM overrides_changerequest AS r WHERE state = 'in_review'",
        at,
    ),
    "overrides_modulemode.changed_at as it is made": mode_of_dm,
    "overrides_mandate.granted_at": mandate,
    "overrides_vote.voted_at later": lambda at: sql("UPDATE overrides_vote SET voted_at = %s", at),
    "overrides_modulepolicy.created_at later": policy,
    "telemetry_acknowledgement.acknowledged_at": acknowledgement,
    "telemetry_auditentry.written_at": entry,
    "overrides_linehold.placed_at": hold,
    "overrides_linehold.lifted_at": lift,
    "overrides_quarantine.placed_at": quarantine,
    "overrides_quarantine.lifted_at": unquarantine,
    "overrides_mandate.revoked_at": lambda at: Mandate.objects.filter(line_id=OTHER).update(revoked_at=at),
    "overrides_modulemode.changed_at": lambda at: sql(
        "UPDATE overrides_modulemode SET changed_at = %s, revision = revision + 1", at
    ),
    "overrides_comment.written_at": lambda at: Comment.objects.create(
        request_id=Mandate.objects.earliest("pk").request_id, author=somebody(), text="x", written_at=at
    ),
    "overrides_mandaterenewal.voted_at": renewal,
    "overrides_requestevidence.stored_at": evidence,
    "overrides_requestevidence.stored_at later": lambda at: sql(
        "UPDATE overrides_requestevidence SET stored_at = %s", at
    ),
    "overrides_vote.voted_at": vote,
    "overrides_changerequest.submitted_at": request("submitted_at"),
    "overrides_changerequest.closed_at": request("closed_at"),
    "overrides_changerequest.acknowledged_at": request("acknowledged_at"),
    "learning_configs.published_at": lambda at: sql(
        "INSERT INTO learning_configs (module, number, is_active, kind, parameters_id, coefficients, n_overrides, "
        "content_hash, request_id, published_at, published_by, transaction, epoch) SELECT module, 4, false, 'trial', "
        "parameters_id, coefficients, 1, 'h', request_id, %s, 'm', 0, 0 FROM learning_configs "
        "WHERE number = 1 AND module = 'pm'",
        at,
    ),
    "overrides_modulepolicy.created_at": lambda at: sql(
        "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by) "
        "SELECT 'pm', 1, true, '{}', min(request_id), %s, 'm' FROM overrides_mandate",
        at,
    ),
}


def in_earnest(name: str, off: timedelta) -> Act:
    def write() -> None:
        as_before("DELETE FROM simulated_time")
        WRITES[name](now() + off)

    return write


@pytest.mark.parametrize("off", [PAST, FUTURE])
@pytest.mark.parametrize("name", WRITES)
def test_are_the_databases_own(name: str, off: timedelta) -> None:
    column = name.partition(" ")[0]

    refused(in_earnest(name, off), f"{column} is .*, which is not the time of the database", role="owner")


@pytest.mark.parametrize("off", [-CLOSE, CLOSE])
def test_may_be_seconds_off(off: timedelta) -> None:
    refused(in_earnest("telemetry_auditentry.written_at", off), HONEST, role="owner")


def test_that_do_not_change_are_not_looked_at_again() -> None:
    """A row that keeps an old time may change otherwise."""

    def write() -> None:
        as_before("DELETE FROM simulated_time")
        sql("UPDATE overrides_changerequest SET scheduled_for = now() WHERE state = 'in_review'")
        found = ChangeRequest.objects.get(state="in_review").pk
        write_audit(actor="m", action="x", object=f"request {found}", reason="x", before=None, after=None, at=now())

    refused(write, HONEST, role="owner")


@pytest.mark.parametrize(
    "statement", ["INSERT INTO simulated_time (reason) VALUES ('x')", "DELETE FROM simulated_time"]
)
def test_are_simulated_by_the_owner_alone(statement: str) -> None:
    refused(lambda: sql(statement), "permission denied for table simulated_time")


def test_are_anything_where_time_is_simulated() -> None:
    refused(then(lambda: entry(NOW), lambda: audited("x")), HONEST)
    assert ModuleMode.objects.get().changed_at == NOW
