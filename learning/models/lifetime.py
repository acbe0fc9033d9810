"""The ledger of the error over the life of a module's learner, and its lines."""

from __future__ import annotations

from django.db import models

from telemetry.core.scopes import scope_text
from telemetry.foundation.models import finite
from telemetry.models import CATEGORIES, MODULES


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
        return f"{self.pattern_key} {self.action_category} [{scope_text(self.scope)}]"
