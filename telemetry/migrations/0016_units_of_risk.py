"""Trades without a unit of risk, the entry that strategies share, books that supersede others, and chosen units.

Every trade recorded so far has an rr, shares its entry with none and is superseded by none.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

from telemetry.foundation.migration_sql import Trigger, create_trigger
from telemetry.foundation.models import finite
from telemetry.migrations._role import execute_for_role

RESTRICT = """
GRANT UPDATE (superseded_by) ON telemetry_trade TO {role};
REVOKE UPDATE, DELETE ON telemetry_unitofrisk FROM {role};
"""
TRIGGERS = (
    Trigger("unit_of_risk_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
    Trigger("telemetry_unitofrisk_is_not_truncated", "TRUNCATE", "refuse_change()"),
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0015_known_at")]
    operations = [
        migrations.AddField("trade", "entry_id", models.CharField(blank=True, db_default="", max_length=200)),
        migrations.AddField(
            "trade",
            "superseded_by",
            models.CharField(
                blank=True,
                db_default="",
                help_text="external id of the trade of a better book that tells the same position",
                max_length=200,
            ),
        ),
        migrations.AddField("outcome", "entry_id", models.CharField(blank=True, db_default="", max_length=200)),
        migrations.RemoveConstraint("trade", "trade_rr_is_finite"),
        migrations.AlterField(
            "trade",
            "rr",
            models.FloatField(
                help_text="realized outcome per unit of risk and per unit of size; empty without a unit of risk",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            "trade", models.CheckConstraint(condition=Q(rr=None) | finite("rr"), name="trade_rr_is_finite")
        ),
        migrations.AddConstraint(
            "trade",
            models.CheckConstraint(
                condition=Q(rr__isnull=False) | ~Q(excluded_reason=""), name="trade_without_rr_is_excluded"
            ),
        ),
        migrations.AddIndex(
            "trade",
            models.Index(condition=~Q(entry_id="") & Q(is_current=True), fields=["entry_id"], name="trade_by_entry"),
        ),
        migrations.CreateModel(
            name="UnitOfRisk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("strategy", models.CharField(max_length=200, unique=True)),
                ("unit", models.CharField(choices=[("stop", "the first stop"), ("atr", "2 ATR")], max_length=10)),
                (
                    "trades",
                    models.PositiveIntegerField(help_text="trades on which the choice rests; 0: chosen by hand"),
                ),
                ("real_stops", models.PositiveIntegerField(help_text="how many of them have a real stop")),
                ("chosen_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("strategy",),
                "verbose_name_plural": "units of risk",
                "constraints": [
                    models.CheckConstraint(condition=Q(unit__in=["stop", "atr"]), name="unit_of_risk_is_known")
                ],
            },
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        *(create_trigger("telemetry_unitofrisk", trigger) for trigger in TRIGGERS),
    ]
