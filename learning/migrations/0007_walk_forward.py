"""What each policy would have earned, walking forward: an opinion, kept under all that it depends on."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0006_variance_of_the_largest_outcomes"),
    ]

    operations = [
        migrations.CreateModel(
            name="WalkForward",
            fields=[
                ("key", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ("module", models.CharField(choices=[("dm", "dm"), ("pm", "pm")], max_length=2)),
                ("policy", models.CharField(choices=[("plan", "plan"), ("evidence", "evidence")], max_length=8)),
                ("combiner", models.CharField(max_length=13)),
                ("folds", models.PositiveSmallIntegerField(help_text="asked for; few days hold fewer")),
                ("as_of", models.DateTimeField(help_text="trades that closed by then are in it")),
                ("n_outcomes", models.PositiveIntegerField(help_text="judged actions known as of then")),
                ("parameters", models.JSONField()),
                ("code_version", models.CharField(max_length=40)),
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
                (
                    "figures",
                    models.JSONField(
                        help_text="uplift, tilt, calibration, folds (learning.core.walk.forward)", null=True
                    ),
                ),
                (
                    "curves",
                    models.JSONField(help_text="columns by day: uplift with band, matched, optimistic", null=True),
                ),
                ("error", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="last sign of life of whoever computes it")),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "learning_walk_forwards",
                "ordering": ("-asked_at", "key"),
                "indexes": [
                    models.Index(fields=["module", "policy", "combiner", "-asked_at"], name="walk_forward_by_choice")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("progress__range", (0, 1))), name="walk_forward_progress_is_a_share"
                    )
                ],
            },
        ),
    ]
