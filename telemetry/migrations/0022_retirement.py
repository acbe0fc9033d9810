"""Months of decisions are retired by a reviewed policy: the function that drops a partition, and what it leaves."""

from __future__ import annotations

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger
from telemetry.migrations._role import execute_for_role

RESTRICT = """
REVOKE INSERT, UPDATE, DELETE ON telemetry_decisionretirement FROM {role};
GRANT EXECUTE ON FUNCTION retire_decisions(text) TO {role};
"""
TRIGGERS = (
    Trigger("retirement_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("telemetry_decisionretirement_is_not_truncated", "TRUNCATE", "refuse_change()"),
    Trigger("retirement_is_audited", "INSERT", "retirement_is_audited()", deferred=True),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0021_decision_traces")]
    operations = [
        migrations.CreateModel(
            name="DecisionRetirement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(help_text="year_month, UTC", max_length=7, unique=True)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("policies", models.CharField(help_text="module and number of each policy in force", max_length=100)),
                ("rows", models.BigIntegerField(help_text="decisions of the month")),
                ("kept", models.BigIntegerField(help_text="those of them that others cite, which are kept")),
                ("retired_at", models.DateTimeField()),
            ],
            options={"ordering": ("-since",)},
        ),
        create_function(__file__, "retire_decisions"),
        create_function(__file__, "retirement_is_audited"),
        *(create_trigger("telemetry_decisionretirement", trigger) for trigger in TRIGGERS),
        migrations.RunPython(restrict, migrations.RunPython.noop),
    ]
