"""A share of positions may be held back, drawn by a secret that is made here, and each roll-out has a salt of its own.

Modes that stand keep their roll-outs: an empty salt leaves every caller where it was.
"""

from __future__ import annotations

import secrets

import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_trigger, replace_function
from telemetry.migrations._role import execute_for_role

TABLE = "overrides_holdbacksecret"


def make_secret(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the secret; the application role may read it, and neither change nor delete it."""
    secret = apps.get_model("overrides", "HoldbackSecret")
    secret.objects.using(editor.connection.alias).create(id=1, secret=secrets.token_bytes(32))
    execute_for_role(editor, "REVOKE UPDATE, DELETE ON overrides_holdbacksecret FROM {role};")


class Migration(migrations.Migration):
    dependencies = [("overrides", "0019_monitors")]

    operations = [
        migrations.AddField(
            "modulemode",
            "rollout_salt",
            models.CharField(
                blank=True,
                default="",
                help_text="of the roll-out; empty: from before there were salts",
                max_length=32,
            ),
        ),
        migrations.AddField(
            "modulemode",
            "holdback_percent",
            models.FloatField(default=0.0, help_text="share of positions that are answered neutral"),
        ),
        migrations.AddConstraint(
            "modulemode",
            models.CheckConstraint(
                condition=models.Q(holdback_percent__range=(0, 20.0)), name="mode_holdback_is_small"
            ),
        ),
        migrations.CreateModel(
            name="HoldbackSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("secret", models.BinaryField(max_length=32)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_holdback_secret")],
            },
        ),
        migrations.RunPython(make_secret, migrations.RunPython.noop),
        create_trigger(TABLE, Trigger("holdback_secret_is_immutable", "UPDATE OR DELETE", "refuse_change()")),
        create_trigger(TABLE, Trigger("overrides_holdbacksecret_is_not_truncated", "TRUNCATE", "refuse_change()")),
        replace_function(__file__, "mode_is_decided"),
    ]
