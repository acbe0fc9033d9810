"""What learning methods are checked by: walk-forward runs, noise twins and strengths."""

from __future__ import annotations

from django.db import models

from overrides.models import POLICIES
from telemetry.foundation.models import BackgroundResult, finite
from telemetry.models import MODULES


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
