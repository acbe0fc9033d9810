"""What the database role of the processes may do, and what only the owner of the tables may."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from psycopg import sql

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.proposals.materialize import materialize
from overrides.models import Version
from telemetry.audit.audit_log import verify_audit
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.models import JobRun
from telemetry.models import Attribution, Outcome, Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    NOW,
    action_payload,
    decision_ids,
    make_correction,
    make_decision,
    make_spec,
    make_trade,
    make_trades,
    publish,
    set_mode,
)

FACTS = (
    "telemetry_trade", "telemetry_action", "telemetry_decision", "telemetry_auditentry", "telemetry_episode",
    "telemetry_episodewindow",
)  # fmt: skip
POLICY = (
    "overrides_line", "overrides_override", "overrides_parameterset", "overrides_membership", "overrides_mandate",
    "overrides_linehold", "learning_configs",
)  # fmt: skip

REFUSED = [
    *(f"DELETE FROM {table}" for table in (*FACTS, *POLICY)),
    *(f"TRUNCATE {table} CASCADE" for table in (*FACTS, *POLICY)),
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in FACTS),
    *(f"DROP TABLE {table} CASCADE" for table in FACTS),
    "UPDATE telemetry_trade SET rr = 0",
    "UPDATE telemetry_trade SET is_current = true, rr = 0",
    "UPDATE telemetry_action SET rr_after = 0",
    "UPDATE telemetry_decision SET levers = '{}'",
    "UPDATE telemetry_auditentry SET content = '{}'",
    "UPDATE telemetry_episode SET outcome = ''",
    "UPDATE telemetry_episodewindow SET rr = 0",
    "DELETE FROM decision_partitions.other",
    "UPDATE decision_partitions.other SET levers = '{}'",
    "UPDATE overrides_override SET levers = '{}'",
    "UPDATE overrides_parameterset SET document = '{}'",
    "UPDATE learning_configs SET content_hash = ''",
    "UPDATE overrides_membership SET override_id = ''",
    "DELETE FROM overrides_idleoverride",
    "DELETE FROM overrides_holdbacksecret",
    "UPDATE overrides_holdbacksecret SET secret = ''",
    "DELETE FROM overrides_armposition",
    "UPDATE overrides_armposition SET is_admitted = true",
    "INSERT INTO overrides_idleoverride VALUES ('x')",
    "ALTER TABLE telemetry_trade DROP CONSTRAINT trade_rr_is_finite",
    "CREATE TABLE mine (id integer)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION link_audit_entry(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION link_audit_entry() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('telemetry', '9999_forged', now())",
]


@pytest.fixture
def application(db: None) -> None:
    """Run the rest of the test as the role that web, worker and beat connect as."""
    with connection.cursor() as cursor:
        role = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(settings.APPLICATION_ROLE))
        cursor.execute(role.as_string(cursor.connection))
        cursor.execute("SELECT current_user <> session_user")
        assert cursor.fetchone()[0], "the tests connect as the application role; connect as the owner of the tables"


@pytest.mark.usefixtures("application")
class TestApplicationRole:
    @pytest.mark.parametrize("statement", REFUSED)
    def test_may_not(self, statement: str) -> None:
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_may_extend_the_decision_partitions(self) -> None:
        with connection.cursor() as cursor:
            made = []
            for _ in range(2):
                cursor.execute("SELECT extend_decision_partitions('2041-11-05', 3)")
                made.append(cursor.fetchone()[0])

            assert made == [3, 0]
            cursor.execute(
                "SELECT has_function_privilege('public', 'extend_decision_partitions(timestamptz,int)', 'EXECUTE')"
            )
            assert cursor.fetchone()[0] is False

    def test_may_do_all_that_the_verbs_do(self) -> None:
        decision = make_decision()
        record_decisions([decision])
        record_trades([make_trade(actions=[action_payload(decision_ids=decision_ids(decision))])], now=NOW)
        record_trades([make_correction(rr=2.0), *make_trades([1.0] * 12, prefix="m")], now=NOW)
        attribute_trades(now=NOW)
        aggregate_dirty(now=NOW)
        build_lessons(module="pm", now=NOW)
        publish(make_spec())
        publish(make_spec({"size_mult": 0.9}))
        materialize(module="pm", now=NOW)
        set_mode("on")
        JobRun.objects.create(job="j", period="p", status="done", started_at=NOW, finished_at=NOW)

        assert (Trade.objects.count(), Outcome.objects.count(), Attribution.objects.count()) == (14, 13, 0)
        assert Version.objects.get(is_active=True).number == 2
        assert verify_audit() == []
