"""Tables of trades, their actions and judged outcomes, and the marks of what learning has to read again."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.db import models
from django.db.models import F, Q

from telemetry.foundation.models import finite
from telemetry.models.choices import CATEGORIES, MODULES


class Trade(models.Model):
    """One revision of a closed trade; its id is derived from (external_id, revision)."""

    id = models.UUIDField(primary_key=True, editable=False)
    external_id = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(default=1)
    correction_reason = models.TextField(blank=True)
    is_current = models.BooleanField(default=True)
    excluded_reason = models.TextField(blank=True)
    book = models.CharField(max_length=40)
    source = models.CharField(max_length=200, blank=True)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=5, blank=True)
    timeframe = models.CharField(max_length=40, blank=True)
    cluster_id = models.CharField(max_length=200, blank=True)
    entry_id = models.CharField(max_length=200, blank=True, db_default="")
    superseded_by = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="external id of the trade of a better book that tells the same position",
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()
    rr = models.FloatField(
        null=True, help_text="realized outcome per unit of risk and per unit of size; empty without a unit of risk"
    )
    digest = models.BinaryField(help_text="sha256 of the canonical body; equal digests are the same trade")
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(
        max_length=12,
        blank=True,
        db_default="",
        help_text="prefix of the API key that recorded it; empty: an import, or not known",
    )

    class Meta:
        ordering = ("-closed_at",)
        permissions = [("view_own_trade", "Can view trades that its owner's keys recorded")]
        constraints = [
            models.UniqueConstraint(fields=["external_id", "revision"], name="one_row_per_trade_revision"),
            models.UniqueConstraint(
                fields=["external_id"], condition=Q(is_current=True), name="one_current_revision_per_trade"
            ),
            models.CheckConstraint(condition=Q(rr=None) | finite("rr"), name="trade_rr_is_finite"),
            models.CheckConstraint(
                condition=Q(rr__isnull=False) | ~Q(excluded_reason=""), name="trade_without_rr_is_excluded"
            ),
            models.CheckConstraint(condition=Q(closed_at__gte=F("opened_at")), name="trade_closes_after_opening"),
            models.CheckConstraint(
                condition=Q(revision=1) | (Q(revision__gt=1) & ~Q(correction_reason="")),
                name="trade_correction_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["closed_at"], name="trade_closed_at"),
            models.Index(fields=["rr"], name="trade_by_outcome"),
            models.Index(condition=~Q(entry_id="") & Q(is_current=True), fields=["entry_id"], name="trade_by_entry"),
            models.Index(OpClass("symbol", "varchar_pattern_ops"), F("closed_at").desc(), name="trade_by_symbol"),
            models.Index(fields=["recorded_by", "closed_at"], condition=~Q(recorded_by=""), name="trade_by_recorder"),
        ]

    def __str__(self) -> str:
        return f"trade {self.external_id} r{self.revision}"


class Action(models.Model):
    """One action of a trade as the bot recorded it; its scope was frozen before any override applied."""

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="actions", db_index=False)
    index = models.PositiveSmallIntegerField()
    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    at = models.DateTimeField()
    scope = models.JSONField(default=dict)
    fraction = models.FloatField(null=True)
    leg_rr = models.FloatField(null=True)
    rr_after = models.FloatField(null=True, help_text="what the part sold would have earned had it stayed")
    known_at = models.DateTimeField(null=True, help_text="when its last result was known; empty: at the close")
    decision_ids = ArrayField(models.UUIDField(), default=list)
    applied = models.JSONField(null=True, help_text="lever -> value used; null: as served")
    controls = models.JSONField(default=dict)
    counterfactuals = models.JSONField(default=dict, help_text="lever -> alternative -> change of rr")
    buckets = models.JSONField(default=dict)
    replays = models.JSONField(default=dict, help_text="lever -> arm -> rr of the trade had it been taken")
    taken_arms = models.JSONField(default=dict, help_text="lever -> the arm that was taken, one of its replays")

    class Meta:
        ordering = ("trade", "index")
        constraints = [
            models.UniqueConstraint(fields=["trade", "index"], name="one_action_per_index"),
            models.CheckConstraint(
                condition=Q(fraction=None) | finite("fraction", low=0, high=1), name="action_fraction_is_a_share"
            ),
            models.CheckConstraint(condition=Q(leg_rr=None) | finite("leg_rr"), name="action_leg_rr_is_finite"),
            models.CheckConstraint(condition=Q(rr_after=None) | finite("rr_after"), name="action_rr_after_is_finite"),
            models.CheckConstraint(
                condition=Q(known_at=None) | Q(known_at__gte=F("at")), name="action_is_known_after_it_was_taken"
            ),
            models.CheckConstraint(
                condition=Q(module__in=[name for name, _ in MODULES]), name="action_module_is_known"
            ),
            models.CheckConstraint(
                condition=Q(action_category__in=[name for name, _ in CATEGORIES]), name="action_category_is_known"
            ),
        ]
        indexes = [
            # Finds the actions that name a decision; a pending list would be searched whole for each decision.
            GinIndex(
                fields=["decision_ids"], condition=~Q(decision_ids=[]), fastupdate=False, name="action_by_decision"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action_category} {self.index} of trade {self.trade_id}"


class Outcome(models.Model):
    """The outcome by which one action of a current, included trade is judged (core.outcomes); learning reads these.

    Its scope is that of the decision that the action names and fits, else the one that the action was sent with.
    """

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="outcomes", db_index=False)
    action_index = models.PositiveSmallIntegerField()
    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    book = models.CharField(max_length=40)
    cluster_id = models.CharField(max_length=200, blank=True)
    entry_id = models.CharField(max_length=200, blank=True, db_default="")
    scope = models.JSONField(default=dict)
    rr = models.FloatField()
    closed_at = models.DateTimeField()
    known_at = models.DateTimeField(help_text="nothing is learned from it before")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade", "action_index"], name="one_outcome_per_action"),
            models.CheckConstraint(condition=finite("rr"), name="outcome_rr_is_finite"),
            models.CheckConstraint(condition=Q(known_at__gte=F("closed_at")), name="outcome_is_known_after_the_close"),
        ]
        indexes = [
            models.Index(fields=["module", "pattern_key", "action_category", "closed_at"], name="outcome_by_group"),
            # Finds the few outcomes that are not known yet, at next to no cost for those who write.
            BrinIndex(fields=["known_at"], autosummarize=True, name="outcome_by_knowledge"),
        ]

    def __str__(self) -> str:
        return f"outcome of action {self.action_index} of trade {self.trade_id}"


class DirtyGroup(models.Model):
    """Marks a group with new facts. Inserted with the facts, deleted by `learning.lessons.aggregate`, never updated.

    Aggregation inserts one of its own for trades whose outcomes are not known yet.
    """

    module = models.CharField(max_length=2)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10)
    trades = ArrayField(
        models.UUIDField(),
        null=True,
        help_text="the trades that gained or lost outcomes; empty: too many to be named, or not known",
    )
    marked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["module", "pattern_key", "action_category"], name="dirty_by_group")]

    def __str__(self) -> str:
        return f"dirty {self.module} {self.pattern_key} {self.action_category}"


class FreshTrade(models.Model):
    """Marks a trade whose allocations were recorded, or undone by a correction; read by `learning.coefficients`.

    Unlike a dirty group it names the trade, because memories of allocations are updated trade by trade.
    """

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    marked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"fresh trade {self.trade_id}"
