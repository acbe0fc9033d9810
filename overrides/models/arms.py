"""Tables of honest arms: the positions that were drawn while a lever was explored, and what came of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from telemetry.foundation.models import finite
from telemetry.models import MODULES

LONGEST_KEY = 200  # characters of a position key


class ArmPosition(models.Model):
    """One position of the explored share of a lever, written when it is first asked about (docs/method.md 15).

    A process writes the first five columns; the database adds the others by the mode in force, under a lock of the
    module, so no two positions can spend the same of a budget. The row is the answer for all later questions about the
    position.
    """

    module = models.CharField(max_length=2, choices=MODULES)
    lever = models.CharField(max_length=40)
    position_key = models.CharField(max_length=LONGEST_KEY)
    share_draw = models.FloatField(help_text="0 to 100; below the share the position is explored")
    draw = models.FloatField(help_text="0 to 1; below the probability it gets the alternative")
    drawn_at = models.DateTimeField()
    week = models.DateField(editable=False, help_text="the Monday, in UTC, of the week whose budget it counts in")
    alternative = models.FloatField(editable=False)
    probability = models.FloatField(editable=False)
    share_percent = models.FloatField(editable=False)
    rr_per_week = models.FloatField(editable=False, help_text="the budget then, in R")
    reserved = models.FloatField(editable=False, help_text="of the budget, for a position with the alternative, in R")
    spent = models.FloatField(editable=False, help_text="of the week's budget before this position, in R")
    is_admitted = models.BooleanField(editable=False, help_text="whether the budget had room for one more position")
    is_alternative = models.BooleanField(editable=False, help_text="whether it gets the alternative")

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["module", "lever", "week"], condition=Q(is_alternative=True), name="arm_positions_of_a_week"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["module", "lever", "position_key"], name="one_draw_per_position_and_lever"),
            models.CheckConstraint(
                condition=finite("share_draw", "share_percent", low=0, high=100)
                & finite("draw", "probability", low=0, high=1)
                & finite("alternative")
                & finite("rr_per_week", "reserved", "spent", low=0),
                name="arm_position_is_finite",
            ),
            models.CheckConstraint(
                condition=Q(is_alternative=False) | Q(is_admitted=True), name="an_alternative_is_admitted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.lever} {self.position_key}"


class ArmOutcome(models.Model):
    """What came of an admitted position: the first closed trade that names one of its answers.

    Derived by `overrides.monitoring.exploring.refresh_arms`, which replaces the rows of positions whose trades changed.
    """

    position = models.OneToOneField(ArmPosition, models.PROTECT, primary_key=True, related_name="outcome")
    book = models.CharField(max_length=40)
    day = models.DateField(help_text="UTC day of the close")
    rr = models.FloatField(help_text="outcome in R per unit of size")
    replay_alternative = models.FloatField(null=True, help_text="replayed under the alternative, in R; null: missing")
    replay_served = models.FloatField(null=True, help_text="replayed under the served value, in R; null: missing")
    lost = models.FloatField(help_text="what the alternative lost by the replays, in R; 0 if it lost nothing")
    took_other = models.BooleanField(
        default=False, db_default=False, help_text="whether the bot took another value than the one drawn"
    )
    computed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["day"], name="arm_outcomes_by_day")]
        constraints = [
            models.CheckConstraint(
                condition=finite("rr")
                & finite("lost", low=0)
                & (Q(replay_alternative=None) | finite("replay_alternative"))
                & (Q(replay_served=None) | finite("replay_served")),
                name="arm_outcome_is_finite",
            )
        ]

    def __str__(self) -> str:
        return f"{self.position_id} {self.rr:+.2f} R"
