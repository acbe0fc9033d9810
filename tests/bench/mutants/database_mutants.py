"""Every change of the database that is tried: of functions, of triggers, of checks and unique keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from django.db import connection

from config.access.models.sql.triggers import TRIGGERS as ACCESS
from overrides.models.sql.keys import KEYS
from overrides.models.sql.triggers import TRIGGERS as OVERRIDES
from telemetry.foundation.migration_sql import Trigger
from telemetry.models.sql.triggers import TRIGGERS as TELEMETRY
from tests.bench.mutants.mutant import Mutant
from tests.bench.mutants.sql_mutations import changes

ROOT = Path(__file__).parents[3]
APPS = ("overrides", "telemetry", "config/access")
TRIGGERS = {**OVERRIDES, **TELEMETRY, **ACCESS}
NOT_GOVERNING = {  # functions that decide nothing
    "extend_decision_partitions": "makes tables for decisions",
    "decision_id_floor": "where their partitions begin",
    "mark_idle": "marks what lists show",
    "lever_table": "the registry's values; tests compare them with Python's",
}
WHATEVER = "whatever the row"
VOTES, COVERED, PATH = "approvals of its content", "no mandate covers line", "does not begin where the line stood"
MESSAGES = {  # what callers say of functions that raise nothing themselves
    **dict.fromkeys(
        ("approvals_needed", "approvals_of", "approvers_of", "groups_for", "is_large", "is_of_groups", "policy_for"),
        VOTES,
    ),
    **dict.fromkeys(("is_covered", "lowers_exposure", "mandate_stands", "trades_of", "lever_exposure"), COVERED),
    **dict.fromkeys(("path_is_from_what_stood", "ramped_value", "step_in_force", "stood_on", "lever_neutral"), PATH),
    **dict.fromkeys(("steps_of_line", "steps_of_request", "steps_of_weights", "lever_unit"), "steps and says"),
    "may_review": "may not review", "is_signed": "without votes", "is_this_transaction": "in another transaction",
    "is_audited": "without an audit entry", "is_time_simulated": "which is not the time of the database",
}  # fmt: skip
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid::regclass::text = ANY (%s) AND contype IN ('c', 'u') ORDER BY 1, 2
"""
INDEXES = """
SELECT i.indrelid::regclass::text, c.relname, pg_get_indexdef(i.indexrelid)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid::regclass::text = ANY (%s) AND i.indisunique AND NOT i.indisprimary
AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid) ORDER BY 1, 2
"""


def function_mutants() -> Iterator[Mutant]:
    for app in APPS:
        for path in sorted((ROOT / app).glob("models/sql/functions/*.sql")):
            if path.stem in NOT_GOVERNING:
                continue
            text = path.read_text(encoding="utf-8")
            for change in changes(text):
                called = frozenset({path.stem})
                yield Mutant(
                    path.stem,
                    change.kind,
                    change.wording,
                    (change.text,),
                    (text,),
                    called,
                    MESSAGES.get(path.stem, change.message),
                )


def trigger_mutants() -> Iterator[Mutant]:
    """Yield each trigger dropped, then with one event, one column, one argument or its condition less."""
    for table, triggers in TRIGGERS.items():
        for trigger in triggers:
            drop = trigger.drop_from(table)
            function = frozenset({trigger.function.partition("(")[0]})
            where = f"{trigger.name} on {table}"
            for wording, other in [("dropped", None), *_narrowed(trigger)]:
                make = (drop,) if other is None else (drop, other.create_on(table))
                unmake = (trigger.create_on(table),) if other is None else (drop, trigger.create_on(table))
                if trigger.events == "TRUNCATE":  # tests clean up by it
                    unmake = (*unmake, f"ALTER TABLE {table} DISABLE TRIGGER {trigger.name}")
                judged_by = function | {table} if wording == WHATEVER else function  # some never call it
                yield Mutant(where, "trigger", wording, make, unmake, judged_by)


def _narrowed(trigger: Trigger) -> Iterator[tuple[str, Trigger]]:
    events = trigger.events.split(" OR ")
    for event in events if len(events) > 1 else []:
        rest = " OR ".join(each for each in events if each != event)
        yield f"not on {event.partition(' OF ')[0]}", replace(trigger, events=rest)
    head, _, tail = trigger.events.partition(" OF ")
    listed, _, others = tail.partition(" OR ")
    columns = listed.split(", ")
    for column in columns if len(columns) > 1 else []:
        rest = ", ".join(each for each in columns if each != column)
        events_left = f"{head} OF {rest}" + (f" OR {others}" if others else "")
        yield f"not for {column}", replace(trigger, events=events_left)
    arguments = re.findall(r"'[^']*'", trigger.function) if trigger.function.startswith("keep_time") else []
    for argument in arguments if len(arguments) > 1 else []:
        rest = ", ".join(each for each in arguments if each != argument)
        yield f"without {argument}", replace(trigger, function=f"keep_time({rest})")
    if trigger.when:
        yield WHATEVER, replace(trigger, when="")


def key_mutants() -> Iterator[Mutant]:
    """Yield each foreign key over several columns, each check and each unique key, dropped.

    The unique keys of `KEYS` forbid nothing that a primary key does not: foreign keys point to them.
    """
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS, [list(TRIGGERS)])
        found = [each for each in cursor.fetchall() if each[1] not in KEYS]
        found += [(table, name, text) for name, (table, text) in KEYS.items() if text.startswith("FOREIGN")]
        cursor.execute(INDEXES, [list(TRIGGERS)])
        indexes = cursor.fetchall()
    for table, name, text in found:
        drop, add = f"ALTER TABLE {table} DROP CONSTRAINT {name}", f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}"
        yield Mutant(f"{name} on {table}", "key", "dropped", (drop,), (add,), frozenset({table}), f'"{name}"')
    for table, name, text in indexes:
        drop = f"DROP INDEX {name}"
        yield Mutant(f"{name} on {table}", "key", "dropped", (drop,), (text,), frozenset({table}), f'"{name}"')
