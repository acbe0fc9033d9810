"""What was known when a request was drafted is stored with each edition, and a vote names what it was given on.

Requests of before have no such document; their votes name none.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger, replace_function
from telemetry.migrations._role import execute_for_role

TABLE = "overrides_requestevidence"
TRIGGERS = (
    Trigger("overrides_requestevidence_keeps_time", "INSERT OR UPDATE", "keep_time('stored_at')"),
    Trigger("guard_request_evidence", "INSERT", "guard_request_evidence()"),
    Trigger("request_evidence_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("overrides_requestevidence_is_not_truncated", "TRUNCATE", "refuse_change()"),
    Trigger(
        "overrides_requestevidence_is_audited", "INSERT", "require_audit('request %s', 'request_id')", deferred=True
    ),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Revoke the privileges to change and delete from the application role."""
    execute_for_role(editor, f"REVOKE UPDATE, DELETE ON {TABLE} FROM {{role}};")


class Migration(migrations.Migration):
    dependencies = [("overrides", "0012_content_bound_by_keys")]
    operations = [
        migrations.CreateModel(
            name="RequestEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("edition", models.PositiveIntegerField()),
                ("document", models.TextField()),
                (
                    "document_hash",
                    models.CharField(help_text="sha256 of the document; set by the database", max_length=64),
                ),
                ("stored_at", models.DateTimeField()),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="evidence",
                        to="overrides.changerequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "edition"), name="one_evidence_per_edition")
                ],
            },
        ),
        migrations.AddField(
            "vote",
            "evidence",
            models.ForeignKey(
                help_text="what was known; null: not stored",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="votes",
                to="overrides.requestevidence",
            ),
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        create_function(__file__, "guard_request_evidence"),
        replace_function(__file__, "guard_vote"),
        *(create_trigger(TABLE, trigger) for trigger in TRIGGERS),
    ]
