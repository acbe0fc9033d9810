"""Weekly reports are kept and never change; when requests last met a line or a value is counted for lists."""

from __future__ import annotations

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger
from telemetry.migrations._role import execute_for_role

TABLE = "overrides_weeklyreport"
TRIGGERS = (
    Trigger("overrides_weeklyreport_keeps_time", "INSERT OR UPDATE", "keep_time('made_at')"),
    Trigger("guard_weekly_report", "INSERT", "guard_weekly_report()"),
    Trigger("weekly_report_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("overrides_weeklyreport_is_not_truncated", "TRUNCATE", "refuse_change()"),
    Trigger(
        "overrides_weeklyreport_is_audited",
        "INSERT",
        "require_audit('weekly report %s/%s', 'week', 'revision')",
        deferred=True,
    ),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Revoke the privileges to change and delete from the application role."""
    execute_for_role(editor, f"REVOKE UPDATE, DELETE ON {TABLE} FROM {{role}};")


class Migration(migrations.Migration):
    dependencies = [
        ("overrides", "0021_earned_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="LineUse",
            fields=[
                ("line_id", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                (
                    "last_matched",
                    models.DateTimeField(help_text="the last request whose pattern, action and scope it fits"),
                ),
                (
                    "last_acted",
                    models.DateTimeField(help_text="the last of them in which it was not left out", null=True),
                ),
                (
                    "last_uncut",
                    models.DateTimeField(
                        help_text="the last of them in which not every lever that it moves was cut",
                        null=True,
                    ),
                ),
                (
                    "last_long",
                    models.DateTimeField(help_text="the last close of a long trade that it moved", null=True),
                ),
                (
                    "last_short",
                    models.DateTimeField(help_text="the last close of a short trade that it moved", null=True),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="UseCounted",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="KeyUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                ("pattern_key", models.CharField(max_length=122)),
                (
                    "action_category",
                    models.CharField(
                        choices=[
                            ("entry", "entry"),
                            ("add", "add"),
                            ("trim", "trim"),
                            ("exit", "exit"),
                            ("allocation", "allocation"),
                        ],
                        max_length=10,
                    ),
                ),
                ("day", models.DateField()),
                ("decisions", models.PositiveIntegerField(default=0)),
                ("longs", models.PositiveIntegerField(default=0)),
                ("shorts", models.PositiveIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["day"], name="key_use_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("module", "pattern_key", "action_category", "day"), name="one_count_per_key_and_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ValueUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                ("dimension", models.CharField(max_length=100)),
                ("value", models.CharField(max_length=200)),
                ("counted_since", models.DateTimeField(help_text="requests before this were not looked at")),
                ("last_sent", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("module", "dimension", "value"), name="one_use_per_value_of_dimension"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WeeklyReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("week", models.DateField(help_text="the Monday that begins the week")),
                ("revision", models.PositiveIntegerField(default=1)),
                ("document", models.TextField()),
                (
                    "document_hash",
                    models.CharField(help_text="sha256 of the document; set by the database", max_length=64),
                ),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(max_length=150)),
            ],
            options={
                "ordering": ("-week", "-revision"),
                "constraints": [
                    models.UniqueConstraint(fields=("week", "revision"), name="one_report_per_week_and_revision")
                ],
            },
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        create_function(__file__, "guard_weekly_report"),
        *(create_trigger(TABLE, trigger) for trigger in TRIGGERS),
    ]
