"""Migrations run from nothing to the newest tables and back to nothing, and back and forth over rows."""

from __future__ import annotations

import pytest

from tests.scratch_database import run_in_a_new_database

APPS = ("access", "learning", "overrides", "telemetry")

THERE_AND_BACK = f"""
import django; django.setup()
from django.core.management import call_command
from django.db import connection

def ours():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace NOT IN "
                       "('pg_catalog'::regnamespace, 'information_schema'::regnamespace)")
        return {{name for (name,) in cursor if not name.startswith(("django_", "auth_", "axes_"))}}

def left_over():
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
                       "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = pg_proc.oid AND d.deptype = 'e') "
                       "UNION ALL "
                       "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|public|information_schema)'")
        return {{name for (name,) in cursor}}

call_command("migrate", verbosity=0)
assert len(ours()) > 20, ours()
for app in {APPS!r}:
    call_command("migrate", app, "zero", verbosity=0)
assert ours() | left_over() == set(), ours() | left_over()
print("there and back")
"""

BACK_AND_FORTH = """
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from telemetry.audit.simulated_time import allow_simulated_time
from tests.builders import draft, make_spec, publish, set_mode

def read(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return sorted(cursor.fetchall())

def defined():
    return read("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
                "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = pg_proc.oid AND d.deptype = 'e') UNION ALL "
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")

NEWER = ["epoch", "transaction", "edited_transaction", "edited_epoch", "hash_format", "edge_sign", "approvals_needed",
         "voter_groups", "succeeds_id", "renews_id", "evidence_id"]  # columns that the older states lack

def written():
    # What is open is signed again on the way forth, with an entry.
    tables = {"overrides_override": "true", "overrides_changerequest": "closed_at IS NOT NULL",
              "overrides_vote": "true", "learning_configs": "true", "overrides_membership": "true",
              "overrides_mandate": "true", "overrides_modulemode": "true", "telemetry_auditentry": f"seq <= {last}"}
    return [read(f"SELECT (to_jsonb(each) - ARRAY{NEWER!r})::text FROM {table} AS each WHERE {which}")
            for table, which in tables.items()]


call_command("migrate", "telemetry", verbosity=0)  # its own functions stay, whatever state overrides are in
states = {}
for migration in ("0005", "0008"):
    call_command("migrate", "overrides", migration, verbosity=0)
    states[migration] = defined()
call_command("migrate", verbosity=0)
newest = defined()
allow_simulated_time("a test")
assert newest != states["0008"] != states["0005"]

publish(make_spec())
set_mode("on")
publish(make_spec({"size_mult": 0.9}))
draft(make_spec({"size_mult": 1.2}))
((last,),) = read("SELECT max(seq) FROM telemetry_auditentry")
rows = written()
assert all(rows)

for migration in ("0008", "0005"):
    call_command("migrate", "overrides", migration, verbosity=0)
    assert defined() == states[migration], migration
call_command("migrate", verbosity=0)
assert defined() == newest
assert written() == rows
publish(make_spec({"size_mult": 1.1}))
print("back and forth")
"""

OUTCOMES = """
import django; django.setup()
from django.core.management import call_command
from telemetry.models import Action, Outcome, Trade
from telemetry.recording.record_trades import record_trades
from telemetry.recording.revisions import Status
from tests.builders import NOW, action_payload, make_trade

sold = [action_payload(), action_payload(action_category="exit", rr_after=0.5)]
trades = [make_trade(f"t{number}", actions=sold) for number in range(3)]

assert {each.status for each in record_trades(trades, now=NOW)} == {Status.NEW}
before = sorted(Trade.objects.values_list("id", "digest"))

call_command("migrate", "telemetry", "0014", verbosity=0)
call_command("migrate", "telemetry", verbosity=0)

assert Outcome.objects.count() == 6
assert all(known == closed for known, closed in Outcome.objects.values_list("known_at", "closed_at"))
assert set(Action.objects.values_list("known_at", flat=True)) == {None}
assert list(Action.objects.exclude(replays={}, taken_arms={})) == []
assert sorted(Trade.objects.values_list("id", "digest")) == before
assert {each.status for each in record_trades(trades, now=NOW)} == {Status.UNCHANGED}
print("known at the close")
"""

CREDITS = """
import django; django.setup()
from datetime import timedelta
from django.core.management import call_command
from django.db import connection
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Attribution, AttributionShare, DecisionCredit, DecisionOutcome, Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, action_payload, decision_ids, make_decision, make_trade

decision, unknown = make_decision(), make_decision()
record_decisions([decision])
for place, each in enumerate((decision, decision, unknown)):
    trade = make_trade(f"t{place}", rr=2.0, actions=[action_payload(decision_ids=decision_ids(each))])
    record_trades([trade], now=NOW + timedelta(seconds=place))
attribute_trades(now=NOW + timedelta(hours=2))
DecisionOutcome.objects.filter(misfit="taken").update(unattributed="")  # as if it had been credited twice, as it was
before = [list(Attribution.objects.values()), list(AttributionShare.objects.values())]
digests = sorted(Trade.objects.values_list("id", "digest"))

call_command("migrate", "telemetry", "0015", verbosity=0)
call_command("migrate", "telemetry", verbosity=0)

assert [list(Attribution.objects.values()), list(AttributionShare.objects.values())] == before
assert sorted(Trade.objects.values_list("id", "digest")) == digests
credits = DecisionCredit.objects.values_list("decision_id", "external_id")
assert list(credits) == [(decision.decision_id, "t0")], list(credits)
misfits = dict(DecisionOutcome.objects.values_list("trade__external_id", "misfit"))
assert misfits == {"t0": "", "t1": "", "t2": "unknown"}, misfits
assert attribute_trades(now=NOW + timedelta(hours=3)) == 0
record_trades([make_trade("t3", actions=[action_payload(decision_ids=decision_ids(decision))])], now=NOW)
assert attribute_trades(now=NOW + timedelta(hours=3)) == 1
assert DecisionOutcome.objects.get(trade__external_id="t3").misfit == "taken"
print("credited as before")
"""

DECISIONS = """
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from telemetry.decisions.decision_log import COLUMNS, record_decisions
from telemetry.models import Decision
from tests.builders import make_decision

OLD = ("decision_id", "module", "pattern_key", "action_category", "scope", "at", "combiner", "mode", "reason", "flags",
       "request", "levers", "contributions", "excluded", "effect", "numeric_build")

def partitions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text, count(*) FILTER (WHERE attname = 'format') FROM pg_inherits "
                       "JOIN pg_attribute ON attrelid = inhrelid WHERE inhparent = 'telemetry_decision'::regclass "
                       "GROUP BY 1")
        return dict(cursor.fetchall())

call_command("migrate", "telemetry", "0011", verbosity=0)
assert set(partitions().values()) == {0}, partitions()
row = dict(zip(COLUMNS, make_decision().row()))
with connection.cursor() as cursor:
    cursor.execute(f"INSERT INTO telemetry_decision ({', '.join(OLD)}) VALUES ({', '.join(['%s'] * len(OLD))})",
                   [row[name] for name in OLD])
call_command("migrate", "telemetry", verbosity=0)
assert len(partitions()) >= 5 and set(partitions().values()) == {1}, partitions()
assert [each.format for each in Decision.objects.all()] == [None]
record_decisions([make_decision(format=1)])
assert sorted(map(str, Decision.objects.values_list("format", flat=True))) == ["1", "None"]
call_command("migrate", "telemetry", "0011", verbosity=0)
call_command("migrate", "telemetry", verbosity=0)
assert [each.format for each in Decision.objects.all()] == [None, None]
print("kept")
"""


@pytest.mark.django_db(transaction=True)
def test_run_from_zero_and_back_to_zero() -> None:
    done = run_in_a_new_database(THERE_AND_BACK)

    assert done.stdout.strip() == "there and back", done.stderr[-3000:]


@pytest.mark.django_db(transaction=True)
def test_of_governance_go_back_and_forth_over_rows() -> None:
    done = run_in_a_new_database(BACK_AND_FORTH)

    assert done.stdout.strip() == "back and forth", done.stderr[-3000:]


@pytest.mark.django_db(transaction=True)
def test_of_decisions_reach_every_month_and_keep_what_was_stored() -> None:
    done = run_in_a_new_database(DECISIONS)

    assert done.stdout.strip() == "kept", done.stderr[-3000:]


@pytest.mark.django_db(transaction=True)
def test_of_what_was_known_leave_recorded_trades_as_they_are() -> None:
    done = run_in_a_new_database(OUTCOMES, is_migrated=True)

    assert done.stdout.strip() == "known at the close", done.stderr[-3000:]


@pytest.mark.django_db(transaction=True)
def test_of_credits_leave_what_was_attributed_as_it_is() -> None:
    done = run_in_a_new_database(CREDITS, is_migrated=True)

    assert done.stdout.strip() == "credited as before", done.stderr[-3000:]
