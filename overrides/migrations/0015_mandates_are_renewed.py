"""A mandate whose review is due can be renewed, by approvals of that renewal under the policy of that time."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger, replace_function
from telemetry.migrations._role import execute_for_role

CREATED = ("renewers_of", "signers_of", "may_be_renewed", "guard_renewal")  # in the order in which they call each other
REPLACED = ("mandate_stands", "guard_mandate", "mandate_is_signed", "guard_vote")
TRIGGERS = (
    Trigger("overrides_mandaterenewal_keeps_time", "INSERT", "keep_time('voted_at')"),
    Trigger("guard_renewal", "INSERT", "guard_renewal()"),
    Trigger("renewal_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("overrides_mandaterenewal_is_not_truncated", "TRUNCATE", "refuse_change()"),
    Trigger("overrides_mandaterenewal_is_audited", "INSERT", "require_any_audit()", deferred=True),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Revoke the privileges to change and delete from the application role."""
    execute_for_role(editor, "REVOKE UPDATE, DELETE ON overrides_mandaterenewal FROM {role};")


class Migration(migrations.Migration):
    dependencies = [
        ("overrides", "0014_caps_and_rejections"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            "mandate",
            "renews",
            models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="renewed_by",
                to="overrides.mandate",
            ),
        ),
        migrations.CreateModel(
            name="MandateRenewal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("voted_at", models.DateTimeField()),
                (
                    "mandate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="renewals",
                        to="overrides.mandate",
                    ),
                ),
                (
                    "voter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("mandate", "voter"), name="one_renewal_per_mandate_and_person"),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="renewal_has_a_reason"
                    ),
                ],
            },
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        *(create_function(__file__, name) for name in CREATED),
        *(replace_function(__file__, name) for name in REPLACED),
        *(create_trigger("overrides_mandaterenewal", trigger) for trigger in TRIGGERS),
    ]
