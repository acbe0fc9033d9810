"""Decisions in compact form: a trace and the keys of the constants that it names, instead of six documents.

The index on module, pattern and `at` goes: every list of a pattern is in the order of ids, for which there is another.
Rows that are stored stay as they are; the columns are nullable and unchecked, so that PostgreSQL changes every
partition without reading a row. Reversed, traces are written out as documents.
"""

from __future__ import annotations

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

from telemetry.core.decision_trace.constants import Constants
from telemetry.core.decision_trace.trace import unpack_moved, unpack_served
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.migration_sql import Trigger, create_trigger
from telemetry.migrations._role import execute_for_role

RESTRICT = "REVOKE UPDATE, DELETE ON telemetry_decisionconstants FROM {role};"
TRIGGERS = (
    Trigger("decision_constants_are_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("decision_constants_are_not_truncated", "TRUNCATE", "refuse_change()"),
)
DOCUMENTS = {
    "levers": "lever -> m, m0, target, unrounded",
    "contributions": "",
    "excluded": "",
    "effect": "lever -> attribution parts, unrounded",
}
WRITE_OUT = """
UPDATE telemetry_decision SET levers = %s, contributions = %s, excluded = %s, challenger = %s, effect = %s,
    multipliers = %s WHERE decision_id = %s
"""


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


def write_out(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Write the traces out as documents, before their columns go."""
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT key, override_id, line_id, packed FROM telemetry_decisionconstants")
        known = {key: Constants(override, line, bytes(packed)) for key, override, line, packed in cursor.fetchall()}
        cursor.execute("SELECT decision_id, trace, movers FROM telemetry_decision WHERE trace IS NOT NULL")
        for decision, trace, movers in cursor.fetchall():
            served, moved = unpack_served(bytes(trace)), unpack_moved(bytes(trace), movers or (), known)
            documents = (
                served.levers, moved.contributions, moved.excluded, served.challenger, moved.effect, served.multipliers,
            )  # fmt: skip
            texts = (None if each is None else fact_json(each) for each in documents)
            cursor.execute(WRITE_OUT, [*texts, decision])


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0020_marks_name_trades")]
    operations = [
        migrations.CreateModel(
            name="DecisionConstants",
            fields=[
                (
                    "key",
                    models.BigIntegerField(
                        editable=False, help_text="hash of the content", primary_key=True, serialize=False
                    ),
                ),
                ("override_id", models.CharField(max_length=64)),
                ("line_id", models.CharField(max_length=64)),
                (
                    "packed",
                    models.BinaryField(help_text="levers, targets and weight factors (core.decision_trace.constants)"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["line_id", "override_id"], name="decision_constants_by_line"),
                ],
            },
        ),
        *(create_trigger("telemetry_decisionconstants", trigger) for trigger in TRIGGERS),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        *(
            migrations.AlterField("decision", name, models.JSONField(help_text=words, null=True))
            for name, words in DOCUMENTS.items()
        ),
        migrations.AddField(
            "decision",
            "trace",
            models.BinaryField(
                help_text="the six documents above in compact form; null: stored as they are", null=True
            ),
        ),
        migrations.AddField(
            "decision",
            "movers",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                help_text="keys of the constants of each contribution, in order",
                null=True,
                size=None,
            ),
        ),
        migrations.AddField(
            "decision",
            "key",
            models.CharField(help_text="prefix of the API key that asked; null: not known", max_length=8, null=True),
        ),
        migrations.AddIndex(
            "decision",
            django.contrib.postgres.indexes.GinIndex(
                condition=Q(movers__isnull=False),
                fields=["movers"],
                gin_pending_list_limit=256,
                name="decision_by_mover",
            ),
        ),
        migrations.AddIndex(
            "decision",
            models.Index(condition=Q(key__isnull=False), fields=["key", "decision_id"], name="decision_key_order"),
        ),
        migrations.RemoveIndex("decision", "decision_by_pattern"),
        migrations.RunPython(migrations.RunPython.noop, write_out),
    ]
