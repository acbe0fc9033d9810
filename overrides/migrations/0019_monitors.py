"""Monitors of lines and coefficients, the guard of modules, and lines that went at once stay out of force."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from telemetry.foundation.migration_sql import create_function, replace_function


class Migration(migrations.Migration):
    dependencies = [
        ("overrides", "0018_marks_out_of_force"),
    ]

    operations = [
        migrations.CreateModel(
            name="GuardDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                ("day", models.DateField()),
                ("total", models.FloatField()),
                ("trades", models.PositiveIntegerField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("module", "day"), name="one_guarded_day_per_module"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("total__range", (-1000000000.0, 1000000000.0)), ("module__in", ("dm", "pm"))
                        ),
                        name="guarded_day_is_finite",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Monitor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                ("kind", models.CharField(choices=[("line", "Line"), ("coefficient", "Coefficient")], max_length=11)),
                (
                    "name",
                    models.CharField(help_text="id of the line, or lever=value of the coefficient", max_length=128),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("watching", "Watching"),
                            ("amber", "Amber"),
                            ("red", "Red"),
                            ("disabled", "Disabled"),
                        ],
                        default="watching",
                        max_length=8,
                    ),
                ),
                (
                    "since",
                    models.DateTimeField(help_text="when what is watched came into force; earlier trades do not count"),
                ),
                ("detector", models.JSONField(help_text="the state of core.monitoring.e_detector")),
                (
                    "realised",
                    models.JSONField(
                        help_text="sums over closed days of what came of it, in R in the direction promised"
                    ),
                ),
                (
                    "baseline",
                    models.JSONField(
                        help_text="of a coefficient: mean and sd of the module's earlier trades, in R", null=True
                    ),
                ),
                (
                    "level",
                    models.FloatField(default=0.0, help_text="mean capital of the bets; from 1,000 on it is disabled"),
                ),
                ("cusum", models.FloatField(default=0.0, help_text="cumulative sum; from 4 on it is amber")),
                ("trades", models.PositiveIntegerField(default=0)),
                ("last_closed_at", models.DateTimeField(help_text="close of the last trade counted", null=True)),
                ("last_trade", models.UUIDField(null=True)),
                ("changed_at", models.DateTimeField()),
                ("disabled_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="overrides.changerequest",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="MonitorDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("level", models.FloatField()),
                ("cusum", models.FloatField()),
                (
                    "monitor",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="overrides.monitor",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="MonitorTrade",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "external_id",
                    models.CharField(help_text="of the trade; a correction has the same one", max_length=200),
                ),
                ("trade", models.UUIDField()),
                ("closed_at", models.DateTimeField()),
                ("u", models.FloatField(help_text="standardised and clipped, as the detector counts it")),
                ("earned", models.FloatField(help_text="R in the direction that was promised")),
                ("good", models.FloatField(help_text="promised size over the standard deviation")),
                (
                    "monitor",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="counted",
                        to="overrides.monitor",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ModuleGuard",
            fields=[
                (
                    "module",
                    models.CharField(
                        choices=[("dm", "dm"), ("pm", "pm")], max_length=2, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("watching", "Watching"), ("idle", "Idle"), ("dropped", "Dropped")],
                        default="idle",
                        max_length=8,
                    ),
                ),
                ("since", models.DateTimeField(help_text="when the module was switched on", null=True)),
                ("mean", models.FloatField(help_text="R per trade beside neutral; null below 30 days", null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("days", models.PositiveIntegerField(default=0)),
                ("trades", models.PositiveIntegerField(default=0)),
                (
                    "read_until",
                    models.DateTimeField(help_text="newest attribution that the monitors have read", null=True),
                ),
                ("changed_at", models.DateTimeField()),
                ("dropped_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="overrides.changerequest",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("module__in", ("dm", "pm")), ("state__in", ("watching", "idle", "dropped"))
                        ),
                        name="guard_words_are_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("high", None), ("low", None), ("mean", None)),
                            models.Q(
                                ("mean__range", (-1000000000.0, 1000000000.0)),
                                ("low__range", (-1000000000.0, 1000000000.0)),
                                ("high__range", (-1000000000.0, 1000000000.0)),
                            ),
                            _connector="OR",
                        ),
                        name="guard_interval_is_finite",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="monitor",
            index=models.Index(fields=["-level", "id"], name="monitor_by_level"),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.UniqueConstraint(fields=("module", "kind", "name"), name="one_monitor_per_subject"),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("line", "coefficient")),
                    ("module__in", ("dm", "pm")),
                    ("state__in", ("watching", "amber", "red", "disabled")),
                ),
                name="monitor_words_are_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__range", (0, 1000000000.0)), ("cusum__range", (0, 1000000000.0))),
                name="monitor_figures_are_finite",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitorday",
            constraint=models.UniqueConstraint(fields=("monitor", "day"), name="one_point_per_monitor_and_day"),
        ),
        migrations.AddConstraint(
            model_name="monitorday",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__range", (0, 1000000000.0)), ("cusum__range", (0, 1000000000.0))),
                name="monitor_day_is_finite",
            ),
        ),
        migrations.AddIndex(
            model_name="monitortrade",
            index=models.Index(fields=["monitor", "closed_at", "trade"], name="monitor_trade_in_order"),
        ),
        migrations.AddConstraint(
            model_name="monitortrade",
            constraint=models.UniqueConstraint(
                fields=("monitor", "external_id"), name="one_count_per_monitor_and_trade"
            ),
        ),
        migrations.AddConstraint(
            model_name="monitortrade",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("u__range", (-1000000000.0, 1000000000.0)),
                    ("earned__range", (-1000000000.0, 1000000000.0)),
                    ("good__range", (-1000000000.0, 1000000000.0)),
                ),
                name="monitor_trade_is_finite",
            ),
        ),
        create_function(__file__, "went_at_once"),
        replace_function(__file__, "version_is_decided"),
    ]
