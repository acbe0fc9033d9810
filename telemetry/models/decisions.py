"""Tables of served decisions and of the outcomes of trades that used them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q

from telemetry.core.decision_fit import Misfit
from telemetry.foundation.models import finite
from telemetry.models.choices import CATEGORIES, MODULES
from telemetry.models.traced import RequestField, TracedField
from telemetry.models.trades import Trade


class Decision(models.Model):
    """One decision served to a bot, with everything needed to replay it. Range-partitioned by the time in its id."""

    decision_id = models.UUIDField(primary_key=True, editable=False)
    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    scope = models.JSONField()
    at = models.DateTimeField(help_text="the time the levers were asked for")
    version = models.PositiveIntegerField(null=True)
    challenger_version = models.PositiveIntegerField(null=True)
    combiner = models.CharField(max_length=80)
    mode = models.CharField(max_length=6)
    reason = models.CharField(max_length=20)
    flags = ArrayField(models.CharField(max_length=20), default=list)
    request = RequestField(help_text="current levers, rollout key, base allocation, as asked")
    levers = TracedField(null=True, help_text="lever -> m, m0, target, unrounded")
    contributions = TracedField(null=True)
    excluded = TracedField(null=True)
    challenger = TracedField(null=True)
    effect = TracedField(null=True, help_text="lever -> attribution parts, unrounded")
    multipliers = TracedField(
        null=True, help_text="what scales a position beside its levers: coefficients, and what the cap cuts, unrounded"
    )
    trace = models.BinaryField(null=True, help_text="the six documents above in compact form; null: stored as they are")
    movers = ArrayField(
        models.BigIntegerField(), null=True, help_text="keys of the constants of each contribution, in order"
    )
    key = models.CharField(  # noqa: DJ001  # rows of earlier releases do not know it
        max_length=8, null=True, help_text="prefix of the API key that asked; null: not known"
    )
    numeric_build = models.CharField(max_length=80)
    format = models.SmallIntegerField(null=True, help_text="of the engine that answered; null: the first")
    latency_us = models.FloatField(null=True)

    class Meta:
        ordering = ("-decision_id",)
        permissions = [("view_own_decision", "Can view answers that its owner's keys received")]
        constraints = [
            models.CheckConstraint(
                condition=Q(latency_us=None) | finite("latency_us", low=0), name="decision_latency_is_finite"
            )
        ]
        indexes = [
            models.Index(fields=["at"], name="decision_at"),
            models.Index(
                OpClass("pattern_key", "varchar_pattern_ops"), F("decision_id"), name="decision_pattern_order"
            ),
            models.Index(fields=["action_category", "decision_id"], name="decision_category_order"),
            models.Index(fields=["reason", "decision_id"], name="decision_reason_order"),
            models.Index(fields=["mode", "decision_id"], name="decision_mode_order"),
            models.Index(fields=["module", "version", "decision_id"], name="decision_version_order"),
            GinIndex(  # a short list of what waits for the index: it is read by every search, and takes its room
                fields=["movers"],
                condition=Q(movers__isnull=False),
                name="decision_by_mover",
                gin_pending_list_limit=256,
            ),
            models.Index(fields=["key", "decision_id"], condition=Q(key__isnull=False), name="decision_key_order"),
        ]

    def __str__(self) -> str:
        return f"decision {self.decision_id}"


class DecisionOutcome(models.Model):
    """The realized rr of a closed trade for each decision it names, whether or not a lever of it can be attributed."""

    decision_id = models.UUIDField()
    trade = models.ForeignKey(Trade, models.CASCADE, related_name="decision_outcomes", db_index=False)
    action_index = models.PositiveSmallIntegerField()
    rr = models.FloatField()
    unattributed = models.CharField(max_length=200, blank=True, help_text="why no share was given; empty: shares exist")
    misfit = models.CharField(
        max_length=10,
        choices=[(each.value, each.value) for each in Misfit],
        blank=True,
        db_default="",
        help_text="why the action may not name the decision; empty: it may",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trade", "action_index", "decision_id"], name="one_outcome_per_decision_of_action"
            ),
            models.CheckConstraint(condition=finite("rr"), name="decision_outcome_rr_is_finite"),
        ]
        indexes = [
            models.Index(fields=["decision_id"], name="decision_outcome_by_decision"),
            models.Index(fields=["trade"], condition=~Q(misfit=""), name="decision_named_wrongly"),
            # Finds the trades that have to be attributed again, because a decision was stored at last.
            models.Index(fields=["decision_id"], condition=Q(misfit="unknown"), name="decision_still_unknown"),
        ]

    def __str__(self) -> str:
        return f"outcome of decision {self.decision_id}"


class DecisionCredit(models.Model):
    """The one trade that a decision counts for, by the trade's external id, so that corrections keep it."""

    decision_id = models.UUIDField(primary_key=True, editable=False)
    external_id = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"decision {self.decision_id} counts for trade {self.external_id}"
