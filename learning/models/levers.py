"""The evidence of tuning levers: what trades and windows tell of each alternative, and its walk-forward."""

from __future__ import annotations

from django.db import models

from learning.core.tuning.evidence_source import Source
from telemetry.foundation.models import LARGEST, BackgroundResult, finite
from telemetry.models import MODULES

WIDEST_WALK = 1000 * LARGEST  # gains are per 1,000 rows
WIDEST_SUM = 1e18  # R over all windows, each of at most 1e9
SOURCES = [(source.value, source.value) for source in Source]


class LeverRun(BackgroundResult):
    """What trades and windows tell of a module's tuning levers; one for each closed day and parameters."""

    module = models.CharField(max_length=2, choices=MODULES)
    as_of = models.DateTimeField(help_text="the midnight (UTC) by which its changes of rr were known")
    folds = models.PositiveSmallIntegerField(help_text="asked for; few days hold fewer")
    parameters = models.JSONField()
    code_version = models.CharField(max_length=40)
    levers = models.JSONField(
        null=True,
        help_text="lever -> source -> what was measured (learning.lessons.lever_evidence, older forms too)",
    )
    lines = models.JSONField(null=True, help_text="what would be proposed, by line (learning.core.tuning.lever_lines)")

    class Meta:
        db_table = "learning_lever_runs"
        verbose_name = "evidence of levers"
        verbose_name_plural = "evidence of levers"
        ordering = ("-as_of", "-asked_at", "key")
        constraints = [
            models.CheckConstraint(condition=finite("progress", low=0, high=1), name="lever_run_progress_is_a_share")
        ]
        indexes = [models.Index(fields=["module", "-as_of"], name="lever_run_newest")]

    def __str__(self) -> str:
        return f"levers of {self.module}, {self.as_of:%Y-%m-%d}"


class LeverAlternative(models.Model):
    """What one alternative of a lever would have gained by one source, over all rows that tell of it; R per row.

    A row is a trade, or a window of the lever's gate, which alone has `gained`, `lost` and `refusal`.
    """

    run = models.ForeignKey(LeverRun, models.CASCADE, related_name="alternatives", db_index=False)
    lever = models.CharField(max_length=40)
    source = models.CharField(max_length=7, choices=SOURCES, default=Source.TRADES.value)
    alternative = models.CharField(max_length=40)
    n = models.PositiveIntegerField(
        help_text="units (distinct trades, a cluster or an episode counting once) that tell of it"
    )
    mean = models.FloatField(help_text="mean change of rr, not shrunk")
    gain = models.FloatField(help_text="the mean shrunk towards 0, as the fit believes it")
    sd = models.FloatField()
    lfsr = models.FloatField(help_text="probability that the gain has the wrong sign, 0 to 0.5")
    days = models.FloatField(help_text="effective decision days behind the mean")
    chosen = models.PositiveIntegerField(help_text="rows of the walk-forward that it was chosen for")
    walk_gain = models.FloatField(null=True, help_text="its part of the walk-forward's gain, R per 1,000 rows")
    walk_low = models.FloatField(null=True)
    walk_high = models.FloatField(null=True)
    gained = models.FloatField(null=True, help_text="sum of the gains of windows in R, an episode counting once")
    lost = models.FloatField(null=True, help_text="sum of their losses in R, at least 0")
    refusal = models.CharField(
        max_length=200, blank=True, help_text="why it is no candidate; empty if it may be judged"
    )

    class Meta:
        db_table = "learning_lever_alternatives"
        constraints = [
            models.UniqueConstraint(fields=["run", "lever", "source", "alternative"], name="one_row_per_alternative"),
            models.CheckConstraint(condition=finite("mean", "gain"), name="lever_gain_is_finite"),
            models.CheckConstraint(condition=finite("sd", "days", low=0), name="lever_spread_is_finite"),
            models.CheckConstraint(condition=finite("lfsr", low=0, high=1), name="lever_lfsr_is_a_rate"),
            models.CheckConstraint(
                condition=finite("gained", "lost", low=0, high=WIDEST_SUM) & models.Q(source=Source.WINDOWS.value)
                | models.Q(gained=None, lost=None, refusal="", source=Source.TRADES.value),
                name="lever_sums_are_of_windows",
            ),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{name: None}) | finite(name, low=-WIDEST_WALK, high=WIDEST_WALK),
                    name=f"lever_{name}_is_finite",
                )
                for name in ("walk_gain", "walk_low", "walk_high")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lever} {self.alternative}"
