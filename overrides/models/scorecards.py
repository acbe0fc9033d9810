"""The table of scorecards: what lines, and groups of them, promised and earned; computed again as trades close."""

from __future__ import annotations

from django.db import models
from django.db.models import F

from overrides.models.choices import POLICIES
from overrides.models.overrides import Line
from telemetry.foundation.models import finite
from telemetry.models import MODULES

FIGURES = (
    "movement", "promised", "realised", "realised_low", "realised_high", "slope", "slope_low", "slope_high", "earned",
    "earned_each", "earned_low", "earned_high",
)  # fmt: skip


class Scorecard(models.Model):
    """What one line or one group of lines of a module promised, what came of it, and what it earned.

    A figure is null where the data do not suffice for it. Rows are computed from trades and votes; nothing is decided
    by them (docs/method.md 13.2).
    """

    class Group(models.TextChoices):
        """What the lines of a scorecard have in common."""

        MODULE = "module"
        METHOD = "method"
        PATTERN = "pattern"
        LINE = "line"
        AUTHOR = "author"
        REVIEWER = "reviewer"
        COEFFICIENTS = "coefficients"

    id = models.CharField(primary_key=True, max_length=64, editable=False, help_text="hash of module, group and name")
    group = models.CharField(max_length=12, choices=Group)
    module = models.CharField(max_length=2, choices=MODULES)
    name = models.CharField(max_length=160, help_text="the pattern, method or person; the id of the line")
    line = models.OneToOneField(Line, models.CASCADE, null=True, related_name="scorecard")
    method = models.CharField(
        max_length=8, blank=True, choices=[*POLICIES, ("manual", "manual")], help_text="of a line or a method"
    )
    lines = models.PositiveIntegerField(help_text="lines that touched a trade; of a reviewer, lines decided")
    trades = models.PositiveIntegerField(help_text="closed trades that they touched")
    decisions = models.PositiveIntegerField(help_text="answers of these trades in which they acted")
    movement = models.FloatField(null=True, help_text="share of what the module's scaling levers were moved")
    judged = models.PositiveIntegerField(help_text="outcomes that have a promise, one per trade and line")
    judged_days = models.PositiveIntegerField()
    promised = models.FloatField(null=True, help_text="mean promise in R, signed by the side of the movement")
    realised = models.FloatField(null=True, help_text="mean outcome in R, signed likewise; null below 30 days")
    realised_low = models.FloatField(null=True)
    realised_high = models.FloatField(null=True)
    slope = models.FloatField(null=True, help_text="R realised per R promised; null below 30 days")
    slope_low = models.FloatField(null=True)
    slope_high = models.FloatField(null=True)
    bins = models.JSONField(default=list, help_text="outcomes beside promises, in bins by promise")
    earning_days = models.PositiveIntegerField()
    earned = models.FloatField(null=True, help_text="sum of shares in R per unit of size; null: not identified")
    earned_each = models.FloatField(null=True, help_text="R earned per trade; null below 30 days")
    earned_low = models.FloatField(null=True)
    earned_high = models.FloatField(null=True)
    is_shown = models.BooleanField(default=True, help_text="false: too few lines decided to say")
    computed_at = models.DateTimeField()

    class Meta:
        # A figure that is null passes, as SQL does not know whether it is within the limits.
        constraints = [models.CheckConstraint(condition=finite(*FIGURES), name="scorecard_figures_are_finite")]
        indexes = [
            models.Index(fields=["group", "module"], name="scorecard_by_group"),
            models.Index(F("trades").desc(), F("id"), name="scorecard_by_trades"),
            models.Index(fields=["earned"], name="scorecard_by_earned"),
            models.Index(fields=["earned_each"], name="scorecard_by_earned_each"),
            models.Index(fields=["realised"], name="scorecard_by_realised"),
            models.Index(fields=["promised"], name="scorecard_by_promised"),
            models.Index(fields=["slope"], name="scorecard_by_slope"),
            models.Index(fields=["movement"], name="scorecard_by_movement"),
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.name[:40]}"
