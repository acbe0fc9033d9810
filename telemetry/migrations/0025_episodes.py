"""Episodes of gates and their windows, which nobody changes or deletes: a correction is a further revision."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_trigger
from telemetry.migrations._role import execute_for_role

RESTRICT = "REVOKE UPDATE, DELETE ON telemetry_episode, telemetry_episodewindow FROM {role};"
TRIGGERS = {
    "telemetry_episode": (
        Trigger("episode_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
        Trigger("telemetry_episode_is_not_truncated", "TRUNCATE", "refuse_change()"),
    ),
    "telemetry_episodewindow": (
        Trigger("episode_window_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
        Trigger("telemetry_episodewindow_is_not_truncated", "TRUNCATE", "refuse_change()"),
    ),
}


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


class Migration(migrations.Migration):
    dependencies = [
        ("telemetry", "0024_decisions_that_come_late"),
    ]

    operations = [
        migrations.CreateModel(
            name="Episode",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("episode_id", models.CharField(max_length=200)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("correction_reason", models.TextField(blank=True)),
                ("excluded_reason", models.TextField(blank=True)),
                (
                    "episode_type",
                    models.CharField(choices=[("s1_entry", "s1_entry"), ("s3_retest", "s3_retest")], max_length=10),
                ),
                ("book", models.CharField(max_length=40)),
                ("source", models.CharField(blank=True, max_length=200)),
                ("symbol", models.CharField(max_length=60)),
                ("side", models.CharField(blank=True, max_length=5)),
                ("timeframe", models.CharField(blank=True, max_length=40)),
                ("cluster_id", models.CharField(blank=True, max_length=200)),
                (
                    "trade_id",
                    models.CharField(
                        blank=True, help_text="external id of the trade made in it; empty: none", max_length=200
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                (
                    "ended_in",
                    models.CharField(
                        blank=True,
                        choices=[("s0", "s0"), ("s1", "s1"), ("s2", "s2"), ("s3", "s3")],
                        help_text="state that ended it; empty: cut off",
                        max_length=2,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("success", "success"),
                            ("failure", "failure"),
                            ("missed", "missed"),
                            ("correct_skip", "correct_skip"),
                        ],
                        help_text="empty: not known",
                        max_length=12,
                    ),
                ),
                ("entered", models.BooleanField()),
                (
                    "digest",
                    models.BinaryField(help_text="sha256 of the canonical body; equal digests are the same episode"),
                ),
                ("recorded_at", models.DateTimeField()),
                (
                    "recorded_by",
                    models.CharField(
                        blank=True,
                        help_text="prefix of the API key that recorded it; empty: not by a key",
                        max_length=12,
                    ),
                ),
            ],
            options={
                "ordering": ("-ended_at",),
                "permissions": [("view_own_episode", "Can view episodes that its owner's keys recorded")],
                "indexes": [
                    models.Index(fields=["ended_at"], name="episode_ended_at"),
                    models.Index(
                        condition=models.Q(("recorded_by", ""), _negated=True),
                        fields=["recorded_by", "ended_at"],
                        name="episode_by_recorder",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("episode_id", "revision"), name="one_row_per_episode_revision"),
                    models.CheckConstraint(
                        condition=models.Q(("ended_at__gte", models.F("started_at"))),
                        name="episode_ends_after_it_starts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("revision", 1),
                            models.Q(("revision__gt", 1), models.Q(("correction_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="episode_correction_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("episode_type__in", ["s1_entry", "s3_retest"]),
                            ("ended_in__in", ["", "s0", "s1", "s2", "s3"]),
                            ("outcome__in", ["", "success", "failure", "missed", "correct_skip"]),
                        ),
                        name="episode_words_are_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EpisodeWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("index", models.PositiveSmallIntegerField()),
                ("window_id", models.CharField(max_length=200)),
                ("pattern_key", models.CharField(max_length=122)),
                (
                    "action_category",
                    models.CharField(
                        choices=[
                            ("entry", "entry"),
                            ("add", "add"),
                            ("trim", "trim"),
                            ("exit", "exit"),
                            ("allocation", "allocation"),
                        ],
                        max_length=10,
                    ),
                ),
                ("scope", models.JSONField(default=dict)),
                ("retest_index", models.PositiveIntegerField(null=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                (
                    "decided_at",
                    models.DateTimeField(help_text="the entry; without one, the sample at which least was missing"),
                ),
                ("entered_at", models.DateTimeField(null=True)),
                ("trimmed_at", models.DateTimeField(null=True)),
                (
                    "known_at",
                    models.DateTimeField(
                        help_text="nothing is learned from it before; empty: nothing is known", null=True
                    ),
                ),
                (
                    "rr",
                    models.FloatField(
                        help_text="what acting at decided_at earned or would have; empty: not known", null=True
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("success", "success"),
                            ("failure", "failure"),
                            ("missed", "missed"),
                            ("correct_skip", "correct_skip"),
                        ],
                        help_text="empty: not known",
                        max_length=12,
                    ),
                ),
                ("thresholds", models.JSONField(help_text="lever -> threshold in force")),
                (
                    "blocked_by",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        default=list,
                        help_text="gates shut at decided_at",
                        size=None,
                    ),
                ),
                ("samples", models.JSONField(help_text="columns: at, scores, gates, rr")),
                (
                    "episode",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="windows",
                        to="telemetry.episode",
                    ),
                ),
            ],
            options={
                "ordering": ("episode_id", "index"),
                "constraints": [
                    models.UniqueConstraint(fields=("episode", "index"), name="one_window_per_index"),
                    models.UniqueConstraint(fields=("episode", "window_id"), name="one_window_per_id"),
                    models.CheckConstraint(
                        condition=models.Q(("rr", None), ("rr__range", (-1000000000.0, 1000000000.0)), _connector="OR"),
                        name="window_rr_is_finite",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("started_at__lte", models.F("decided_at")), ("decided_at__lte", models.F("ended_at"))
                        ),
                        name="window_is_decided_while_it_lasts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rr", None), ("known_at__gte", models.F("decided_at")), _connector="OR"),
                        name="window_is_known_after_it_was_decided",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("action_category__in", ["entry", "add", "trim"]),
                            ("outcome__in", ["", "success", "failure", "missed", "correct_skip"]),
                        ),
                        name="window_words_are_known",
                    ),
                ],
            },
        ),
        *(create_trigger(table, trigger) for table, triggers in TRIGGERS.items() for trigger in triggers),
        migrations.RunPython(restrict, migrations.RunPython.noop),
    ]
