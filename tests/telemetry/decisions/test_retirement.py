"""Months of decisions go when reviewed policies let them go, and what others cite stays; nothing else takes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction
from psycopg import sql

from overrides.models import ChangeRequest, WhatIf
from overrides.monitoring.replaying.replay import Choice, replay
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.decisions.retirement import retire_old_decisions, retired_by
from telemetry.foundation.core.identifiers import uuid7
from telemetry.foundation.core.refusal import Refused
from telemetry.models import AuditEntry, Decision, DecisionRetirement
from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of
from tests.builders import NOW, action_payload, approve_and_apply, decision_ids, draft, make_decision, make_trade

OLD = datetime(2019, 5, 10, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def run(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return cursor.fetchone()[0] if cursor.description else None


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relname ~ '^month_2019'")
        return {name for (name,) in cursor.fetchall()}


def keep_for(days: float, *modules: str) -> None:
    for module in modules:
        approve_and_apply(draft(kind="policy", module=module, content={"decision_retention_days": days}))


@pytest.fixture
def decisions() -> list[DecisionRecord]:
    """Three decisions of May 2019, the first of which a trade names, and one of June."""
    run("SELECT extend_decision_partitions(%s, 2)", OLD)
    moments = [OLD, OLD + timedelta(hours=1), OLD + timedelta(hours=2), OLD + timedelta(days=31)]
    made = [make_decision(decision_id=uuid7(moment), at=moment) for moment in moments]
    record_decisions(made)
    record_trades([make_trade(actions=[action_payload(decision_ids=decision_ids(made[0]))])], now=NOW)
    return made


def hours(count: int) -> list[datetime]:
    return [OLD + timedelta(hours=number) for number in range(count)]


def two_requests_about_old_decisions() -> tuple[list[DecisionRecord], ChangeRequest, ChangeRequest]:
    """Log 210 decisions of one month and let policies retire it; return them, a voted request and an open one."""
    run("SELECT extend_decision_partitions(%s, 1)", OLD)
    made = [make_decision(decision_id=uuid7(moment), at=moment) for moment in hours(210)]
    record_decisions(made)
    voted, open_one = draft(kind="policy", module="pm", content={"decision_retention_days": 365}), draft()
    approve_and_apply(voted)
    keep_for(365, "dm")
    return made, voted, open_one


def as_application() -> None:
    role = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(settings.APPLICATION_ROLE))
    run(role.as_string(connection.connection))


def retire_without_a_word(month: str) -> None:
    run("SELECT retire_decisions(%s)", month)
    run("SET CONSTRAINTS ALL IMMEDIATE")


class TestRetirement:
    def test_drops_a_month_but_what_is_cited(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "dm", "pm")
        as_application()

        assert retire_old_decisions(now=NOW) == 3

        assert set(Decision.objects.values_list("pk", flat=True)) == {decisions[0].decision_id}
        assert partitions() == set()
        may, june = DecisionRetirement.objects.order_by("month")
        assert (may.month, may.rows, may.kept, june.rows, june.kept) == ("2019_05", 3, 1, 1, 0)
        assert may.policies == "dm 1, pm 1"
        entry = AuditEntry.objects.get(content__contains="decisions of 2019_05")
        assert "older than the policies in force keep them" in entry.content

    def test_keeps_the_sample_that_the_what_if_of_a_voted_request_noted(self) -> None:
        made, voted, open_one = two_requests_about_old_decisions()
        for request, noted in ((voted, made[3:7]), (open_one, made[20:30])):
            document = {"sample": decision_ids(*noted)}
            fields = {"last_decision": made[-1].decision_id, "asked_at": NOW, "seen_at": NOW, "document": document}
            WhatIf.objects.create(key=str(request.pk), request=request, n=10_000, **fields)

        retire_old_decisions(now=NOW)

        assert set(Decision.objects.values_list("pk", flat=True)) == {each.decision_id for each in made[3:7]}

    def test_keeps_the_newest_that_a_what_if_without_a_sample_has_read(self) -> None:
        made, voted, open_one = two_requests_about_old_decisions()
        for request, last in ((voted, made[204]), (open_one, made[209])):
            fields = {"last_decision": last.decision_id, "asked_at": NOW, "seen_at": NOW}
            WhatIf.objects.create(key=str(request.pk), request=request, n=10_000, **fields)

        retire_old_decisions(now=NOW)

        kept = set(Decision.objects.values_list("pk", flat=True))
        assert kept == {each.decision_id for each in made[5:205]}

    def test_keeps_those_of_positions_that_were_asked_about_lately(self, decisions: list[DecisionRecord]) -> None:
        asked = [("held", OLD), ("left", OLD), ("held", datetime.now(UTC))]
        made = [make_decision(decision_id=uuid7(at), at=at, request={"position_key": key}) for key, at in asked]
        record_decisions(made)
        keep_for(365, "dm", "pm")

        retire_old_decisions(now=NOW)

        found = set(Decision.objects.values_list("pk", flat=True))
        assert found.isdisjoint({made[1].decision_id, decisions[1].decision_id})
        assert {made[0].decision_id, made[2].decision_id} <= found

    def test_drops_a_month_whose_decisions_came_before_it_had_a_table(self) -> None:
        made = [make_decision(decision_id=uuid7(at), at=at) for at in (OLD, OLD + timedelta(days=1), NOW)]
        record_decisions(made)
        record_trades([make_trade(actions=[action_payload(decision_ids=decision_ids(made[0]))])], now=NOW)
        keep_for(365, "dm", "pm")
        as_application()

        assert retire_old_decisions(now=NOW) == 1

        assert set(Decision.objects.values_list("pk", flat=True)) == {made[0].decision_id, made[2].decision_id}
        assert run("SELECT extend_decision_partitions(%s, 1)", OLD) == 0  # a retired month gets no table again
        assert retire_old_decisions(now=NOW) == 0

    def test_finds_nothing_to_do_the_second_time(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "dm", "pm")
        retire_old_decisions(now=NOW)

        assert retire_old_decisions(now=NOW) == 0

    def test_is_committed_month_by_month(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "dm", "pm")

        with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            retire_old_decisions(now=NOW)

    def test_is_told_to_those_who_look_for_a_decision(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "dm", "pm")
        retire_old_decisions(now=NOW)
        gone = decisions[1].decision_id

        assert "was retired by policy dm 1, pm 1 with all of 2019-05" in str(retired_by(gone))
        with pytest.raises(Refused, match="was retired by policy dm 1, pm 1"):
            replay(Choice(decision=gone), now=NOW, on_difference=print)
        reply = client_of("read").get(f"/api/v1/decisions/{gone}/")
        assert (reply.status_code, "was retired by policy dm 1, pm 1" in reply.json()["detail"]) == (404, True)
        assert retired_by(uuid7(NOW)) is None


class TestNothingIsRetired:
    def test_without_a_policy_of_every_module(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "pm")

        assert retire_old_decisions(now=NOW) == 0
        with pytest.raises(ProgrammingError, match="not every module has a policy"), transaction.atomic():
            run("SELECT retire_decisions('2019_05')")
        assert Decision.objects.count() == 4

    def test_that_is_younger_than_the_longer_of_the_policies(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "dm")
        keep_for(30_000, "pm")

        assert retire_old_decisions(now=NOW) == 0
        with pytest.raises(ProgrammingError, match="younger than the 30000 days"), transaction.atomic():
            run("SELECT retire_decisions('2019_05')")

    def test_without_an_audit_entry(self, decisions: list[DecisionRecord]) -> None:
        keep_for(365, "dm", "pm")

        with pytest.raises(IntegrityError, match="without an audit entry"), transaction.atomic():
            retire_without_a_word("2019_05")

    @pytest.mark.parametrize(
        "statement",
        [
            "DROP TABLE decision_partitions.month_2019_05",
            "ALTER TABLE telemetry_decision DETACH PARTITION decision_partitions.month_2019_05",
            "DELETE FROM telemetry_decision",
            "TRUNCATE telemetry_decision",
            "INSERT INTO telemetry_decisionretirement (month, since, until, policies, rows, kept, retired_at) "
            "VALUES ('2019_05', now(), now(), '', 0, 0, now())",
        ],
    )
    def test_by_the_application_itself(self, decisions: list[DecisionRecord], statement: str) -> None:
        keep_for(365, "dm", "pm")
        as_application()

        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
            run(statement)

    @pytest.mark.parametrize("month", ["2019_13", "other", "2019_05; DROP TABLE telemetry_trade", "2018_01"])
    def test_under_a_name_that_is_no_month(self, decisions: list[DecisionRecord], month: str) -> None:
        keep_for(365, "dm", "pm")

        with pytest.raises(DatabaseError, match="no month of decisions is named"), transaction.atomic():
            run("SELECT retire_decisions(%s)", month)
