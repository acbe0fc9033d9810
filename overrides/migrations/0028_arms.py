"""Levers without an identified effect may be explored: a mode says how, and the database keeps to the budget."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger, replace_function
from telemetry.migrations._role import execute_for_role

TABLE = "overrides_armposition"
TRIGGERS = (
    Trigger("guard_arm_position", "INSERT", "guard_arm_position()"),
    Trigger("overrides_armposition_keeps_time", "INSERT", "keep_time('drawn_at')"),
    Trigger("arm_position_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("overrides_armposition_is_not_truncated", "TRUNCATE", "refuse_change()"),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Revoke the privileges to change and delete from the application role."""
    execute_for_role(editor, f"REVOKE UPDATE, DELETE ON {TABLE} FROM {{role}};")


class Migration(migrations.Migration):
    dependencies = [("overrides", "0027_undecided_positions")]

    operations = [
        migrations.CreateModel(
            name="ArmPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                ("lever", models.CharField(max_length=40)),
                ("position_key", models.CharField(max_length=200)),
                ("share_draw", models.FloatField(help_text="0 to 100; below the share the position is explored")),
                ("draw", models.FloatField(help_text="0 to 1; below the probability it gets the alternative")),
                ("drawn_at", models.DateTimeField()),
                (
                    "week",
                    models.DateField(
                        editable=False, help_text="the Monday, in UTC, of the week whose budget it counts in"
                    ),
                ),
                ("alternative", models.FloatField(editable=False)),
                ("probability", models.FloatField(editable=False)),
                ("share_percent", models.FloatField(editable=False)),
                ("rr_per_week", models.FloatField(editable=False, help_text="the budget then, in R")),
                (
                    "reserved",
                    models.FloatField(
                        editable=False, help_text="of the budget, for a position with the alternative, in R"
                    ),
                ),
                (
                    "spent",
                    models.FloatField(editable=False, help_text="of the week's budget before this position, in R"),
                ),
                (
                    "is_admitted",
                    models.BooleanField(editable=False, help_text="whether the budget had room for one more position"),
                ),
                ("is_alternative", models.BooleanField(editable=False, help_text="whether it gets the alternative")),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="modulemode",
            name="arms",
            field=models.JSONField(
                db_default={}, default=dict, help_text="lever -> what is explored of it; empty: nothing"
            ),
        ),
        migrations.CreateModel(
            name="ArmOutcome",
            fields=[
                (
                    "position",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="outcome",
                        serialize=False,
                        to="overrides.armposition",
                    ),
                ),
                ("book", models.CharField(max_length=40)),
                ("day", models.DateField(help_text="UTC day of the close")),
                ("rr", models.FloatField(help_text="outcome in R per unit of size")),
                (
                    "replay_alternative",
                    models.FloatField(help_text="replayed under the alternative, in R; null: missing", null=True),
                ),
                (
                    "replay_served",
                    models.FloatField(help_text="replayed under the served value, in R; null: missing", null=True),
                ),
                (
                    "lost",
                    models.FloatField(help_text="what the alternative lost by the replays, in R; 0 if it lost nothing"),
                ),
                ("computed_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="armposition",
            index=models.Index(
                condition=models.Q(("is_alternative", True)),
                fields=["module", "lever", "week"],
                name="arm_positions_of_a_week",
            ),
        ),
        migrations.AddConstraint(
            model_name="armposition",
            constraint=models.UniqueConstraint(
                fields=("module", "lever", "position_key"), name="one_draw_per_position_and_lever"
            ),
        ),
        migrations.AddConstraint(
            model_name="armposition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("share_draw__range", (0, 100)),
                    ("share_percent__range", (0, 100)),
                    ("draw__range", (0, 1)),
                    ("probability__range", (0, 1)),
                    ("alternative__range", (-1000000000.0, 1000000000.0)),
                    ("rr_per_week__range", (0, 1000000000.0)),
                    ("reserved__range", (0, 1000000000.0)),
                    ("spent__range", (0, 1000000000.0)),
                ),
                name="arm_position_is_finite",
            ),
        ),
        migrations.AddConstraint(
            model_name="armposition",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_alternative", False), ("is_admitted", True), _connector="OR"),
                name="an_alternative_is_admitted",
            ),
        ),
        migrations.AddIndex(
            model_name="armoutcome",
            index=models.Index(fields=["day"], name="arm_outcomes_by_day"),
        ),
        migrations.AddConstraint(
            model_name="armoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rr__range", (-1000000000.0, 1000000000.0)),
                    ("lost__range", (0, 1000000000.0)),
                    models.Q(
                        ("replay_alternative", None),
                        ("replay_alternative__range", (-1000000000.0, 1000000000.0)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("replay_served", None),
                        ("replay_served__range", (-1000000000.0, 1000000000.0)),
                        _connector="OR",
                    ),
                ),
                name="arm_outcome_is_finite",
            ),
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        create_function(__file__, "arm_spent"),
        create_function(__file__, "guard_arm_position"),
        *(create_trigger(TABLE, trigger) for trigger in TRIGGERS),
        replace_function(__file__, "guard_mode"),
        replace_function(__file__, "mode_is_decided"),
    ]
