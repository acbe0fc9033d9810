"""Requests that say by which route they take effect, policies, comments, quarantines; votes are only ever added."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

USER = settings.AUTH_USER_MODEL
PROTECT, CASCADE = django.db.models.deletion.PROTECT, django.db.models.deletion.CASCADE
MODULES = [("dm", "dm"), ("pm", "pm")]
ROUTES = [("review", "Review"), ("mandate", "Mandate"), ("at_once", "At Once")]


def number() -> models.BigAutoField[int, int]:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("overrides", "0003_overrides_in_order"), migrations.swappable_dependency(USER)]
    operations = [
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", number()),
                ("text", models.TextField()),
                ("written_at", models.DateTimeField()),
                ("author", models.ForeignKey(on_delete=PROTECT, related_name="+", to=USER)),
                ("line", models.ForeignKey(null=True, on_delete=PROTECT, related_name="+", to="overrides.line")),
                (
                    "request",
                    models.ForeignKey(on_delete=CASCADE, related_name="comments", to="overrides.changerequest"),
                ),
            ],
            options={
                "ordering": ("written_at", "id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="comment_says_something"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ModulePolicy",
            fields=[
                ("id", number()),
                ("module", models.CharField(choices=MODULES, max_length=2)),
                ("number", models.PositiveIntegerField()),
                ("is_active", models.BooleanField(default=False)),
                ("document", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=150)),
                (
                    "request",
                    models.ForeignKey(on_delete=PROTECT, related_name="policies", to="overrides.changerequest"),
                ),
            ],
            options={
                "verbose_name_plural": "module policies",
                "ordering": ("module", "-number"),
                "constraints": [
                    models.UniqueConstraint(fields=("module", "number"), name="one_policy_per_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)), fields=("module",), name="one_active_policy_per_module"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Quarantine",
            fields=[
                ("id", number()),
                ("module", models.CharField(choices=MODULES, max_length=2)),
                ("reason", models.TextField()),
                ("placed_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
                ("placed_by", models.ForeignKey(on_delete=PROTECT, related_name="+", to=USER)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at", None)), fields=("module",), name="one_live_quarantine"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="quarantine_has_a_reason"
                    ),
                ]
            },
        ),
        migrations.AddField(
            "changerequest",
            "route",
            models.CharField(choices=ROUTES, default="review", help_text="how it takes effect", max_length=8),
        ),
        migrations.AddField(
            "changerequest",
            "base_parameters",
            models.CharField(blank=True, default="", help_text="parameters then in force; signed too", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            "changerequest",
            "edition",
            models.PositiveIntegerField(default=0, help_text="counts the edits; signed, so that no vote comes back"),
        ),
        migrations.AddField(
            "changerequest",
            "movement",
            models.FloatField(default=0.0, help_text="largest steps moved, summed over its lines"),
        ),
        migrations.AddField(
            "changerequest",
            "split_from",
            models.ForeignKey(
                help_text="whose remaining lines these are",
                null=True,
                on_delete=PROTECT,
                related_name="parts",
                to="overrides.changerequest",
            ),
        ),
        migrations.AddField(
            "changerequest",
            "acknowledged_at",
            models.DateTimeField(help_text="when what took effect at once was reviewed", null=True),
        ),
        migrations.AddField(
            "changerequest",
            "acknowledged_by",
            models.CharField(blank=True, default="", max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            "changerequest",
            "transaction",
            models.BigIntegerField(default=0, help_text="set by the database: in which it was applied"),
        ),
        migrations.AddIndex(
            "changerequest",
            models.Index(
                condition=models.Q(("acknowledged_at", None), ("route", "at_once")),
                fields=["closed_at"],
                name="request_unacknowledged",
            ),
        ),
        migrations.AddConstraint(
            "changerequest",
            models.CheckConstraint(
                condition=models.Q(("movement__range", (0, 1000000000.0))), name="request_movement_is_finite"
            ),
        ),
        migrations.RemoveConstraint("vote", "one_vote_per_person_and_content"),
        migrations.AddIndex("vote", models.Index(fields=["request", "content_hash"], name="vote_by_content")),
        migrations.RenameField("mandate", "farthest", "reach"),
        migrations.AlterField(
            "mandate", "reach", models.JSONField(help_text="lever -> [lowest, highest value], one of them neutral")
        ),
        migrations.AlterField(
            "mandate",
            "evidence_floor",
            models.JSONField(help_text="least_n and least_edge that still carry it"),
        ),
        migrations.AddField(
            "version",
            "transaction",
            models.BigIntegerField(default=0, help_text="set by the database: whose memberships it may open"),
        ),
        migrations.AlterField(
            "version",
            "request",
            models.ForeignKey(on_delete=PROTECT, related_name="versions", to="overrides.changerequest"),
        ),
        migrations.AddConstraint(
            "version", models.UniqueConstraint(fields=("request",), name="one_version_per_request")
        ),
    ]
