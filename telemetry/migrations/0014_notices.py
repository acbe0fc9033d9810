"""Add notices, which are audit entries that everybody with a permission has to read, and their acknowledgements."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger
from telemetry.migrations._role import execute_for_role

TRIGGERS = (
    ("telemetry_notice", Trigger("guard_notice", "INSERT", "guard_notice()")),
    ("telemetry_notice", Trigger("notice_is_append_only", "UPDATE OR DELETE", "refuse_change()")),
    ("telemetry_notice", Trigger("telemetry_notice_is_not_truncated", "TRUNCATE", "refuse_change()")),
    (
        "telemetry_acknowledgement",
        Trigger("telemetry_acknowledgement_keeps_time", "INSERT", "keep_time('acknowledged_at')"),
    ),
    (
        "telemetry_acknowledgement",
        Trigger("acknowledgement_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    ),
    (
        "telemetry_acknowledgement",
        Trigger("telemetry_acknowledgement_is_not_truncated", "TRUNCATE", "refuse_change()"),
    ),
    (
        "telemetry_acknowledgement",
        Trigger("acknowledgement_is_audited", "INSERT", "acknowledgement_is_audited()", deferred=True),
    ),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Revoke the privileges to change and delete from the application role."""
    execute_for_role(editor, "REVOKE UPDATE, DELETE ON telemetry_notice, telemetry_acknowledgement FROM {role};")


class Migration(migrations.Migration):
    dependencies = [
        ("telemetry", "0012_decision_format"),
        ("telemetry", "0013_database_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "audience",
                    models.CharField(help_text="permission of the readers (app.codename)", max_length=100),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notice",
                        to="telemetry.auditentry",
                    ),
                ),
            ],
            options={"ordering": ("-entry_id",)},
        ),
        migrations.CreateModel(
            name="Acknowledgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("acknowledged_at", models.DateTimeField()),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledgements",
                        to="telemetry.notice",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("notice", "person"), name="one_acknowledgement_per_notice_and_person"
                    )
                ],
            },
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        create_function(__file__, "guard_notice"),
        create_function(__file__, "acknowledgement_is_audited"),
        *(create_trigger(table, trigger) for table, trigger in TRIGGERS),
    ]
