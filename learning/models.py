"""What was learned from the facts: cells, lessons, their history, builder runs, coefficients.

All of it can be rebuilt from the facts at any time, and none of it is served.
"""

from __future__ import annotations

from django.db import models

from overrides.models import CHANNELS, POLICIES
from telemetry.foundation.models import BackgroundResult, finite
from telemetry.models import CATEGORIES, MODULES


class JsonHash(models.Func):
    """PostgreSQL's hash of a JSON value; equal values have equal hashes."""

    function = "jsonb_hash_extended"
    template = "%(function)s(%(expressions)s, 0)"
    output_field = models.BigIntegerField()


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
        # Neither index covers a statistic, so that an update of a cell leaves all indexes alone.
        indexes = [
            models.Index(fields=["group", "n_dims"], name="cell_by_group_and_size"),
            models.Index("group", JsonHash("scope"), name="cell_by_scope"),
        ]

    def __str__(self) -> str:
        return f"cell {self.pk}"


class CountedRows(models.Model):
    """The rows that a group's cells were counted from, as columns (learning.readers.counted_rows)."""

    class Part(models.IntegerChoices):
        FULL = 0, "of the last full count"
        SINCE = 1, "changes since"

    group = models.ForeignKey(CellGroup, models.CASCADE, related_name="counted", db_index=False)
    part = models.PositiveSmallIntegerField(choices=Part)
    values = models.JSONField(help_text="for each dimension, the values that codes of this part add")
    columns = models.BinaryField(help_text="rows, and what their numbers stand for")

    class Meta:
        db_table = "learning_counted_rows"
        verbose_name_plural = "counted rows"
        constraints = [models.UniqueConstraint(fields=["group", "part"], name="one_row_per_counted_part")]

    def __str__(self) -> str:
        return f"counted rows of group {self.group_id}, {self.get_part_display()}"


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
    effective_days = models.FloatField(null=True, help_text="behind the short mean; below 8 nothing is proposed")
    low = models.FloatField(null=True, help_text="lower end of the weight's 95 % interval; null on one day")
    high = models.FloatField(null=True, help_text="upper end of the weight's 95 % interval; null on one day")
    walk_gain = models.FloatField(
        null=True, help_text="R gained by the weight in the newest walk-forward; null if it was in force in no fold"
    )
    evidence = models.JSONField(
        null=True, help_text="noise twins and walk-forward (learning.coefficients.coefficient_evidence)"
    )
    measured_at = models.DateTimeField(null=True, help_text="the time that the evidence is as of")

    class Meta:
        db_table = "learning_coefficients"
        constraints = [
            models.UniqueConstraint(fields=["module", "name", "key"], name="one_coefficient_per_value"),
            models.CheckConstraint(condition=finite("weight", low=0.5, high=2.0), name="coefficient_weight_is_clipped"),
            models.CheckConstraint(condition=finite("rr_short", "rr_long"), name="coefficient_memory_is_finite"),
            models.CheckConstraint(condition=finite("low", "high", low=0.5, high=2.0), name="coefficient_interval"),
            models.CheckConstraint(condition=finite("effective_days", low=0), name="coefficient_days_are_a_count"),
            models.CheckConstraint(condition=finite("walk_gain"), name="coefficient_gain_is_finite"),
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


class MethodStrength(BackgroundResult):
    """Of what a learning method believed, how much came true; one for each closed day and parameters."""

    module = models.CharField(max_length=2, choices=MODULES)
    policy = models.CharField(max_length=8, choices=POLICIES)
    as_of = models.DateTimeField(help_text="the midnight (UTC) by which its outcomes were known")
    parameters = models.JSONField()
    code_version = models.CharField(max_length=40)
    strengths = models.JSONField(
        null=True,
        help_text="categories learned together -> strength (core.significance); null: too few steps",
    )

    class Meta:
        db_table = "learning_strengths"
        verbose_name = "strength of a method"
        verbose_name_plural = "strengths of methods"
        ordering = ("-as_of", "-asked_at", "key")
        constraints = [
            models.CheckConstraint(condition=finite("progress", low=0, high=1), name="strength_progress_is_a_share")
        ]
        indexes = [models.Index(fields=["module", "policy", "-as_of"], name="strength_newest")]

    def __str__(self) -> str:
        return f"strength of {self.policy} in {self.module}, {self.as_of:%Y-%m-%d}"


class LifetimeLedger(models.Model):
    """A module's ledger of the error over the life of its learner (learning.core.lifetime); days are decision days."""

    module = models.CharField(max_length=2, choices=MODULES, unique=True)
    installed_on = models.DateField(help_text="the first day on which lines could be published")
    taken_until = models.DateField(help_text="the newest closed day that was taken in")
    alpha = models.FloatField(help_text="lifetime_alpha on that day")
    initial = models.PositiveIntegerField(help_text="number of first lines with equal shares of the budget")
    arrivals = models.PositiveIntegerField(help_text="shares given out, to new lines and to restarts")
    ever = models.PositiveIntegerField(help_text="publications so far, withdrawn ones included")
    correlation = models.FloatField(help_text="of outcomes of one pattern and day, as assumed")
    persistence = models.FloatField(help_text="share of the correlation that is left a day later")

    class Meta:
        verbose_name = verbose_name_plural = "proofs for life"
        db_table = "learning_lifetime_ledgers"
        ordering = ("module",)
        constraints = [
            models.CheckConstraint(condition=finite("alpha", low=0, high=1), name="lifetime_alpha_is_a_share"),
            models.CheckConstraint(condition=finite("correlation", low=0, high=1), name="lifetime_correlation"),
            models.CheckConstraint(condition=finite("persistence", low=0, high=1), name="lifetime_persistence"),
        ]

    def __str__(self) -> str:
        return f"Proofs for life of {self.module}"


class LifetimeLine(models.Model):
    """The state of one line in the ledger of its module; a restart sets the evidence to nothing."""

    ledger = models.ForeignKey(LifetimeLedger, models.CASCADE, related_name="lines", db_index=False)
    line_id = models.CharField(max_length=64, unique=True)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    scope = models.JSONField()
    position = models.PositiveIntegerField(help_text="order in which lines came into the ledger, from 0")
    score = models.FloatField(help_text="U of the e-process")
    information = models.FloatField(help_text="I of the e-process")
    carried = models.FloatField(help_text="A of the e-process: what earlier days add to the variance")
    day = models.DateField(null=True, help_text="the newest day with outcomes")
    day_n = models.FloatField()
    n = models.FloatField(help_text="outcomes since the last restart, each trade or cluster once")
    recent = models.FloatField(help_text="sum of outcomes, halved every 90 days")
    recent_n = models.FloatField()
    number = models.PositiveIntegerField(help_text="order of arrival or restart, from 1; 0: fewer than 20 trades")
    share = models.FloatField(help_text="share of the budget")
    boost = models.FloatField()
    horizon = models.FloatField(help_text="trades after which it restarts with a new share")
    sign = models.FloatField(help_text="-1 or 1 while published as proven, otherwise 0")
    published_on = models.DateField(null=True)
    withdrawn_on = models.DateField(null=True)
    times = models.PositiveIntegerField(help_text="how often it was published")
    e_value = models.FloatField(help_text="at most 1e9")

    class Meta:
        db_table = "learning_lifetime_lines"
        ordering = ("ledger", "position")
        constraints = [
            models.UniqueConstraint(fields=["ledger", "position"], name="one_lifetime_line_per_position"),
            models.CheckConstraint(condition=finite("score", "recent", "carried"), name="lifetime_line_is_finite"),
            models.CheckConstraint(
                condition=finite("information", "n", "day_n", "recent_n", "e_value", "boost", "horizon", low=0),
                name="lifetime_line_counts",
            ),
            models.CheckConstraint(condition=finite("share", low=0, high=1), name="lifetime_share_is_a_share"),
            models.CheckConstraint(condition=finite("sign", low=-1, high=1), name="lifetime_sign"),
        ]
        indexes = [models.Index(fields=["ledger", "-e_value"], name="lifetime_line_by_evidence")]

    def __str__(self) -> str:
        scope = ", ".join(f"{key}={value}" for key, value in sorted(self.scope.items())) or "everything"
        return f"{self.pattern_key} {self.action_category} [{scope}]"
