"""What a change would have done to logged decisions: computed once, kept under all that the answer depends on."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("overrides", "0005_facts_govern")]
    operations = [
        migrations.CreateModel(
            name="WhatIf",
            fields=[
                ("key", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                (
                    "version",
                    models.PositiveIntegerField(
                        help_text="in force when it was asked for: what is compared with", null=True
                    ),
                ),
                ("n", models.PositiveIntegerField(help_text="decisions looked at, if there are so many")),
                ("last_decision", models.UUIDField(help_text="the newest of them", null=True)),
                ("as_of", models.DateTimeField(help_text="null: each decision as of its own time", null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("progress", models.FloatField(default=0.0)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("document", models.JSONField(null=True)),
                ("error", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="last sign of life of whoever computes it")),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="what_ifs",
                        to="overrides.changerequest",
                    ),
                ),
            ],
            options={
                "ordering": ("-asked_at",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("progress__range", (0, 1))), name="what_if_progress_is_a_share"
                    )
                ],
            },
        ),
    ]
