"""What was learned from the facts: cells, lessons, their history, builder runs, coefficients.

All of it can be rebuilt from the facts at any time, and none of it is served.
"""

from __future__ import annotations

from django.db import models

from overrides.models import CHANNELS, POLICIES
from telemetry.foundation.models import BackgroundResult, finite
from telemetry.models import CATEGORIES, MODULES


class CellGroup(models.Model):
    """One (module, pattern_key, action_category), the unit that `aggregate` rebuilds."""

    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    cut = models.JSONField(help_text="dimensions in order, books, n_min and max_subset_size its cells were made under")
    n_outcomes = models.PositiveIntegerField()
    n_cells = models.PositiveIntegerField()
    aggregated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["module", "pattern_key", "action_category"], name="one_row_per_cell_group")
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.pattern_key} {self.action_category}"

    @property
    def dimensions(self) -> list[str]:
        """The dimensions of its cells, in order."""
        dimensions: list[str] = self.cut["dimensions"]
        return dimensions


class Cell(models.Model):
    """Statistics of one scope subset of a group; n counts distinct trades (a cluster once). It has no baseline."""

    group = models.ForeignKey(CellGroup, models.CASCADE, related_name="cells", db_index=False)
    scope = models.JSONField()
    n_dims = models.PositiveSmallIntegerField()
    n = models.PositiveIntegerField()
    mean = models.FloatField()
    variance = models.FloatField()
    first_closed_at = models.DateTimeField()
    last_closed_at = models.DateTimeField()

    class Meta:
        db_table = "pattern_scope_stats"
        constraints = [
            models.CheckConstraint(condition=finite("mean"), name="cell_mean_is_finite"),
            models.CheckConstraint(condition=finite("variance", low=0, high=2e18), name="cell_variance_is_finite"),
            models.CheckConstraint(condition=models.Q(n__gte=1), name="cell_has_a_trade"),
        ]
        indexes = [models.Index(fields=["group", "n_dims", "-n"], name="cell_by_group")]

    def __str__(self) -> str:
        return f"cell {self.pk}"


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
    code_version = models.CharField(max_length=40)
    tested = models.JSONField(
        null=True, help_text="what was tested (learning.core.significance.funnel); of a policy's newest run alone"
    )
    twins = models.JSONField(
        null=True,
        help_text="counts in the run's noise twins (learning.core.significance.twin_gate), if it verified any",
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
        scope = ", ".join(f"{key}={value}" for key, value in sorted(self.scope.items())) or "everything"
        return f"{self.pattern_key} {self.action_category} [{scope}]"


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


class Coefficient(models.Model):
    """The decayed memory of one value of a dm coefficient dimension (docs/method.md 8); not served until published."""

    module = models.CharField(max_length=2, choices=MODULES)
    name = models.CharField(max_length=40, help_text="lever: curator, chain, cap, ...")
    key = models.CharField(max_length=64, help_text="value of the lever; empty: the module's global memory")
    weight = models.FloatField(default=1.0)
    rr_short = models.FloatField()
    rr_long = models.FloatField()
    n = models.PositiveIntegerField()
    sums = models.JSONField(help_text="decayed sums S and W per tau, as of `as_of`")
    as_of = models.DateTimeField()

    class Meta:
        db_table = "learning_coefficients"
        constraints = [
            models.UniqueConstraint(fields=["module", "name", "key"], name="one_coefficient_per_value"),
            models.CheckConstraint(condition=finite("weight", low=0.5, high=2.0), name="coefficient_weight_is_clipped"),
            models.CheckConstraint(condition=finite("rr_short", "rr_long"), name="coefficient_memory_is_finite"),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.name}={self.key}"


class WalkForward(BackgroundResult):
    """The walk-forward result of a learning method; its key covers everything the result depends on."""

    module = models.CharField(max_length=2, choices=MODULES)
    policy = models.CharField(max_length=8, choices=POLICIES)
    combiner = models.CharField(max_length=13)
    folds = models.PositiveSmallIntegerField(help_text="asked for; few days hold fewer")
    as_of = models.DateTimeField(help_text="trades that closed by then are in it")
    n_outcomes = models.PositiveIntegerField(help_text="judged actions known as of then")
    parameters = models.JSONField()
    code_version = models.CharField(max_length=40)
    figures = models.JSONField(
        null=True, help_text="uplift, tilt, calibration, folds (learning.core.walk_forward.walk)"
    )
    curves = models.JSONField(null=True, help_text="columns by day: uplift with band, matched, optimistic")

    class Meta:
        db_table = "learning_walk_forwards"
        verbose_name = "walk-forward run"
        ordering = ("-asked_at", "key")
        constraints = [
            models.CheckConstraint(condition=finite("progress", low=0, high=1), name="walk_forward_progress_is_a_share")
        ]
        indexes = [models.Index(fields=["module", "policy", "combiner", "-asked_at"], name="walk_forward_by_choice")]

    def __str__(self) -> str:
        return f"walk-forward of {self.module} {self.policy}, combined by {self.combiner}"


class NoiseTwin(BackgroundResult):
    """The number of lessons in a module's permuted outcomes for one seed, and the number in the real outcomes."""

    content = models.CharField(max_length=64, help_text="hash of module, policy, parameters, facts and code")
    module = models.CharField(max_length=2, choices=MODULES)
    policy = models.CharField(max_length=8, choices=POLICIES)
    seed = models.PositiveIntegerField()
    as_of = models.DateTimeField()
    found = models.PositiveIntegerField(help_text="lessons of the same kind in the outcomes as they were")
    count = models.PositiveIntegerField(null=True)

    class Meta:
        db_table = "learning_noise_twins"
        ordering = ("-asked_at", "seed")
        constraints = [
            models.CheckConstraint(condition=finite("progress", low=0, high=1), name="noise_twin_progress_is_a_share")
        ]
        indexes = [models.Index(fields=["module", "policy", "-asked_at"], name="noise_twin_newest")]

    def __str__(self) -> str:
        return f"{self.policy} twin {self.seed} of {self.module}"
