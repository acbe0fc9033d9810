"""Overrides that are not in force have a mark that the database keeps, and memberships indexes by their end."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger
from telemetry.migrations._role import execute_for_role

MARK = """
INSERT INTO overrides_idleoverride (override_id) SELECT id FROM overrides_override AS o
    WHERE NOT EXISTS (SELECT FROM overrides_membership WHERE override_id = o.id AND to_version IS NULL)
"""


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Let the application role read the marks and not write them."""
    execute_for_role(editor, "REVOKE INSERT, UPDATE, DELETE ON overrides_idleoverride FROM {role};")


class Migration(migrations.Migration):
    dependencies = [("overrides", "0017_who_serves_what")]

    operations = [
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
