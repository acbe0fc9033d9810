"""Scorecards: what lines, and groups of them, promised and earned."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

FIGURES = (
    "movement", "promised", "realised", "realised_low", "realised_high", "slope", "slope_low", "slope_high", "earned",
    "earned_each", "earned_low", "earned_high",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("overrides", "0022_weekly_report"),
    ]

    operations = [
        migrations.CreateModel(
            name="Scorecard",
            fields=[
                (
                    "id",
                    models.CharField(
                        editable=False,
                        help_text="hash of module, group and name",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "group",
                    models.CharField(
                        choices=[
                            ("module", "Module"),
                            ("method", "Method"),
                            ("pattern", "Pattern"),
                            ("line", "Line"),
                            ("author", "Author"),
                            ("reviewer", "Reviewer"),
                            ("coefficients", "Coefficients"),
                        ],
                        max_length=12,
                    ),
                ),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                (
                    "name",
                    models.CharField(help_text="the pattern, method or person; the id of the line", max_length=160),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[("plan", "plan"), ("evidence", "evidence"), ("manual", "manual")],
                        help_text="of a line or a method",
                        max_length=8,
                    ),
                ),
                (
                    "lines",
                    models.PositiveIntegerField(help_text="lines that touched a trade; of a reviewer, lines decided"),
                ),
                ("trades", models.PositiveIntegerField(help_text="closed trades that they touched")),
                ("decisions", models.PositiveIntegerField(help_text="answers of these trades in which they acted")),
                (
                    "movement",
                    models.FloatField(help_text="share of what the module's scaling levers were moved", null=True),
                ),
                (
                    "judged",
                    models.PositiveIntegerField(help_text="outcomes that have a promise, one per trade and line"),
                ),
                ("judged_days", models.PositiveIntegerField()),
                (
                    "promised",
                    models.FloatField(help_text="mean promise in R, signed by the side of the movement", null=True),
                ),
                (
                    "realised",
                    models.FloatField(help_text="mean outcome in R, signed likewise; null below 30 days", null=True),
                ),
                ("realised_low", models.FloatField(null=True)),
                ("realised_high", models.FloatField(null=True)),
                ("slope", models.FloatField(help_text="R realised per R promised; null below 30 days", null=True)),
                ("slope_low", models.FloatField(null=True)),
                ("slope_high", models.FloatField(null=True)),
                ("bins", models.JSONField(default=list, help_text="outcomes beside promises, in bins by promise")),
                ("earning_days", models.PositiveIntegerField()),
                (
                    "earned",
                    models.FloatField(help_text="sum of shares in R per unit of size; null: not identified", null=True),
                ),
                ("earned_each", models.FloatField(help_text="R earned per trade; null below 30 days", null=True)),
                ("earned_low", models.FloatField(null=True)),
                ("earned_high", models.FloatField(null=True)),
                ("is_shown", models.BooleanField(default=True, help_text="false: too few lines decided to say")),
                ("computed_at", models.DateTimeField()),
                (
                    "line",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scorecard",
                        to="overrides.line",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["group", "module"], name="scorecard_by_group"),
                    models.Index(
                        models.OrderBy(models.F("trades"), descending=True), models.F("id"), name="scorecard_by_trades"
                    ),
                    models.Index(fields=["earned"], name="scorecard_by_earned"),
                    models.Index(fields=["earned_each"], name="scorecard_by_earned_each"),
                    models.Index(fields=["realised"], name="scorecard_by_realised"),
                    models.Index(fields=["promised"], name="scorecard_by_promised"),
                    models.Index(fields=["slope"], name="scorecard_by_slope"),
                    models.Index(fields=["movement"], name="scorecard_by_movement"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(*((f"{name}__range", (-1e9, 1e9)) for name in FIGURES)),
                        name="scorecard_figures_are_finite",
                    )
                ],
            },
        ),
    ]
