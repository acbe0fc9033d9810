"""What each process and client has confirmed that it serves, and which overrides are not in force.

Confirmations lie in an unlogged table, since a crash may empty it; its rows are replaced every few seconds, so pages
keep room for the new ones. Overrides that are not in force have a mark that the database keeps.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger
from telemetry.migrations._role import execute_for_role

UNLOGGED = "ALTER TABLE overrides_servingconfirmation SET UNLOGGED, SET (fillfactor = 50)"
MODULES = [("dm", "dm"), ("pm", "pm")]
KINDS = [("process", "Process"), ("client", "Client")]
MARK = """
INSERT INTO overrides_idleoverride (override_id) SELECT id FROM overrides_override AS o
    WHERE NOT EXISTS (SELECT FROM overrides_membership WHERE override_id = o.id AND to_version IS NULL)
"""


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Let the application role read the marks and not write them."""
    execute_for_role(editor, "REVOKE INSERT, UPDATE, DELETE ON overrides_idleoverride FROM {role};")


class Migration(migrations.Migration):
    dependencies = [("overrides", "0016_search_lines")]

    operations = [
        migrations.CreateModel(
            name="ServingConfirmation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=7)),
                ("name", models.CharField(max_length=200)),
                ("module", models.CharField(choices=MODULES, max_length=2)),
                ("version", models.PositiveIntegerField(help_text="number of the version; null: none", null=True)),
                (
                    "mode_revision",
                    models.PositiveIntegerField(help_text="revision of the mode; null: no mode was set", null=True),
                ),
                ("at", models.DateTimeField(help_text="when it reported last")),
                (
                    "confirmed_at",
                    models.DateTimeField(help_text="when it last served the newest state; null: never", null=True),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "name", "module"), name="one_confirmation_per_server_and_module"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(kind__in=("process", "client"), module__in=("dm", "pm")),
                        name="confirmation_words_are_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(UNLOGGED, migrations.RunSQL.noop),
        migrations.AddIndex(
            "membership", models.Index(fields=["override"], condition=Q(to_version=None), name="membership_in_force")
        ),
        migrations.AddIndex(
            "membership",
            models.Index(
                fields=["module", "to_version"], condition=Q(to_version__isnull=False), name="membership_ended"
            ),
        ),
        migrations.CreateModel(
            name="IdleOverride",
            fields=[
                (
                    "override",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="idle",
                        serialize=False,
                        to="overrides.override",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunSQL(MARK, migrations.RunSQL.noop),
        create_function(__file__, "mark_idle"),
        create_trigger("overrides_override", Trigger("new_override_is_idle", "INSERT", "mark_idle()")),
        create_trigger("overrides_membership", Trigger("membership_marks_idle", "INSERT OR UPDATE", "mark_idle()")),
        migrations.RunPython(restrict, migrations.RunPython.noop),
    ]
