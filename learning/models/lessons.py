"""Runs of the lesson builder, the lessons of each line, and how their edges went."""

from __future__ import annotations

from django.db import models

from overrides.models import CHANNELS, POLICIES
from telemetry.core.scopes import scope_text
from telemetry.foundation.models import finite
from telemetry.models import CATEGORIES, MODULES


class BuilderRun(models.Model):
    """One run of the lesson builder: its input, constants and baseline."""

    module = models.CharField(max_length=2, choices=MODULES)
    policy = models.CharField(max_length=8, choices=POLICIES)
    as_of = models.DateTimeField()
    parameters = models.JSONField()
    baseline = models.JSONField(help_text="action_category -> mean that edges are measured from, and its trades")
    n_cells = models.PositiveIntegerField()
    n_candidates = models.PositiveIntegerField()
    n_active = models.PositiveIntegerField()
    n_withdrawn = models.PositiveIntegerField()
    n_other_universe = models.PositiveIntegerField(
        null=True,
        help_text="outcomes of learned books that were left out for their universe; empty for runs that did not count "
        "them",
    )
    code_version = models.CharField(max_length=40)
    tested = models.JSONField(
        null=True, help_text="what was tested (learning.core.significance.funnel); of a policy's newest run alone"
    )
    twins = models.JSONField(
        null=True,
        help_text="counts in the run's noise twins (learning.core.significance.twin_gate), if it verified any",
    )
    strength = models.ForeignKey(
        "MethodStrength",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="the newest one known to the run",
    )
    inputs = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="hash of what it read (learning.lessons.build_inputs); empty for runs that kept none",
    )
    confirmed_at = models.DateTimeField(
        null=True, help_text="when a later run last found nothing new, and so left this one standing"
    )

    class Meta:
        db_table = "learning_builder_runs"
        ordering = ("-as_of", "-id")

    def __str__(self) -> str:
        return f"{self.policy} run {self.pk} of {self.module}"


class Lesson(models.Model):
    """The current lesson of a line, as of the builder's latest run."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        TOO_LIGHT = "too_light", "too light to act"
        WITHDRAWN = "withdrawn"

    line_id = models.CharField(max_length=64, unique=True, help_text="the line an override of it would have")
    type = models.CharField(max_length=11, choices=CHANNELS)
    policy = models.CharField(max_length=8, choices=POLICIES)
    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    scope = models.JSONField()
    n_dims = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=9, choices=Status)
    stats = models.JSONField(help_text="the five of an override's evidence, the baseline, and what its policy adds")
    edge_raw = models.FloatField()
    weight = models.FloatField(help_text="policy plan: w_total when fresh; evidence: 1 - lfsr")
    targets = models.JSONField(help_text="lever target -> value (alloc_mult_target, size_mult, ...)")
    first_run = models.ForeignKey(BuilderRun, models.PROTECT, related_name="+")
    run = models.ForeignKey(BuilderRun, models.PROTECT, related_name="lessons")

    class Meta:
        db_table = "learning_lessons"
        constraints = [
            models.CheckConstraint(condition=finite("edge_raw"), name="lesson_edge_is_finite"),
            models.CheckConstraint(condition=finite("weight", low=0, high=1), name="lesson_weight_is_a_weight"),
        ]
        indexes = [models.Index(fields=["module", "policy", "status"], name="lesson_by_status")]

    def __str__(self) -> str:
        return f"{self.pattern_key} {self.action_category} [{scope_text(self.scope)}]"


class LessonHistory(models.Model):
    """The state of a lesson after a run, stored when it differs from the previous one: one row a day and status."""

    lesson = models.ForeignKey(Lesson, models.CASCADE, related_name="history", db_index=False)
    run = models.ForeignKey(BuilderRun, models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="the time the run was as of")
    status = models.CharField(max_length=9, choices=Lesson.Status)
    edge_raw = models.FloatField()
    n = models.FloatField()
    weight = models.FloatField()
    half_life_days = models.FloatField()
    targets = models.JSONField()

    class Meta:
        db_table = "learning_lesson_history"
        ordering = ("at", "id")
        constraints = [
            models.CheckConstraint(condition=finite("edge_raw"), name="lesson_history_edge_is_finite"),
            models.CheckConstraint(condition=finite("n", low=0), name="lesson_history_n_is_a_count"),
            models.CheckConstraint(condition=finite("weight", low=0, high=1), name="lesson_history_weight_is_one"),
            models.CheckConstraint(condition=finite("half_life_days", low=0), name="lesson_history_half_life"),
        ]
        indexes = [models.Index(fields=["lesson", "-at", "-id"], name="history_of_lesson")]
        verbose_name_plural = "lesson history"

    def __str__(self) -> str:
        return f"lesson {self.lesson_id} at {self.at:%Y-%m-%d %H:%M}"


class EdgeHistory(models.Model):
    """A lesson's edge in one ISO week, from the trades that closed in that week alone."""

    lesson = models.ForeignKey(Lesson, models.CASCADE, related_name="edge_history")
    week = models.DateField(help_text="Monday")
    n = models.PositiveIntegerField()
    mean = models.FloatField()
    edge_raw = models.FloatField()

    class Meta:
        db_table = "learning_edge_history"
        ordering = ("week",)
        constraints = [
            models.UniqueConstraint(fields=["lesson", "week"], name="one_edge_per_week"),
            models.CheckConstraint(condition=finite("mean", "edge_raw"), name="edge_history_is_finite"),
        ]

    def __str__(self) -> str:
        return f"edge of lesson {self.lesson_id} in the week of {self.week}"
