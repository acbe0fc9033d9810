"""What happened: trades and their actions, judged outcomes, decisions served, what they earned, who did what.

Facts are append-only. A correction is a new revision of the trade; only `is_current` of the old row moves.
Facts refer upward by plain values (line, override, version), never by foreign key: a fact survives any opinion.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from telemetry.core.vocabulary import ActionCategory, Module

MODULES = [(module.value, module.value) for module in Module]
CATEGORIES = [(category.value, category.value) for category in ActionCategory]
LARGEST = 1e9


def finite(*fields: str, low: float = -LARGEST, high: float = LARGEST) -> Q:
    """Both sides bounded: PostgreSQL sorts NaN above every number, so a one-sided check lets it through."""
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__range": (low, high)})
    return condition


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
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()
    rr = models.FloatField(help_text="realized outcome per unit of risk and per unit of size")
    digest = models.BinaryField(help_text="sha256 of the canonical body; equal digests are the same trade")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ("-closed_at",)
        constraints = [
            models.UniqueConstraint(fields=["external_id", "revision"], name="one_row_per_trade_revision"),
            models.UniqueConstraint(
                fields=["external_id"], condition=Q(is_current=True), name="one_current_revision_per_trade"
            ),
            models.CheckConstraint(condition=finite("rr"), name="trade_rr_is_finite"),
            models.CheckConstraint(condition=Q(closed_at__gte=F("opened_at")), name="trade_closes_after_opening"),
            models.CheckConstraint(
                condition=Q(revision=1) | (Q(revision__gt=1) & ~Q(correction_reason="")),
                name="trade_correction_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["closed_at"], name="trade_closed_at"),
            models.Index(fields=["rr"], name="trade_by_outcome"),
            models.Index(OpClass("symbol", "varchar_pattern_ops"), F("closed_at").desc(), name="trade_by_symbol"),
        ]

    def __str__(self) -> str:
        return f"trade {self.external_id} r{self.revision}"


class Action(models.Model):
    """One action of a trade as the bot saw it; its scope was frozen before any override acted."""

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
    decision_ids = ArrayField(models.UUIDField(), default=list)
    controls = models.JSONField(default=dict)
    counterfactuals = models.JSONField(default=dict, help_text="lever -> alternative -> change of rr")
    buckets = models.JSONField(default=dict)

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
                condition=Q(module__in=[name for name, _ in MODULES]), name="action_module_is_known"
            ),
            models.CheckConstraint(
                condition=Q(action_category__in=[name for name, _ in CATEGORIES]), name="action_category_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action_category} {self.index} of trade {self.trade_id}"


class Outcome(models.Model):
    """What one action of a current, included trade is judged by (core.outcomes); the learner reads only these."""

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="outcomes", db_index=False)
    action_index = models.PositiveSmallIntegerField()
    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    book = models.CharField(max_length=40)
    cluster_id = models.CharField(max_length=200, blank=True)
    scope = models.JSONField(default=dict)
    rr = models.FloatField()
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade", "action_index"], name="one_outcome_per_action"),
            models.CheckConstraint(condition=finite("rr"), name="outcome_rr_is_finite"),
        ]
        indexes = [
            models.Index(fields=["module", "pattern_key", "action_category", "closed_at"], name="outcome_by_group")
        ]

    def __str__(self) -> str:
        return f"outcome of action {self.action_index} of trade {self.trade_id}"


class DirtyGroup(models.Model):
    """A mark: this group has new facts. Inserted with them, taken by `learning.aggregate`, never updated."""

    module = models.CharField(max_length=2)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10)
    marked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["module", "pattern_key", "action_category"], name="dirty_by_group")]

    def __str__(self) -> str:
        return f"dirty {self.module} {self.pattern_key} {self.action_category}"


class FreshTrade(models.Model):
    """A mark: allocations of this trade were recorded, or taken back by a correction. Taken by `learning.coefficients`.

    Unlike a dirty group it names the trade, because memories of allocations are kept trade by trade.
    """

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    marked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"fresh trade {self.trade_id}"


class Decision(models.Model):
    """One answer served to a bot, with all that replaying it needs. Range-partitioned by the time in its id."""

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
    request = models.JSONField(help_text="current levers, rollout key, base allocation, as asked")
    levers = models.JSONField(help_text="lever -> m, m0, target, unrounded")
    contributions = models.JSONField()
    excluded = models.JSONField()
    challenger = models.JSONField(null=True)
    effect = models.JSONField(default=dict, help_text="lever -> attribution parts, unrounded")
    multipliers = models.JSONField(
        null=True, help_text="what scales a position beside its levers: coefficients, and what the cap cuts, unrounded"
    )
    numeric_build = models.CharField(max_length=80)
    latency_us = models.FloatField(null=True)

    class Meta:
        ordering = ("-decision_id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(latency_us=None) | finite("latency_us", low=0), name="decision_latency_is_finite"
            )
        ]
        indexes = [
            models.Index(fields=["module", "pattern_key", "at"], name="decision_by_pattern"),
            models.Index(fields=["at"], name="decision_at"),
            models.Index(
                OpClass("pattern_key", "varchar_pattern_ops"), F("decision_id"), name="decision_pattern_order"
            ),
            models.Index(fields=["action_category", "decision_id"], name="decision_category_order"),
            models.Index(fields=["reason", "decision_id"], name="decision_reason_order"),
            models.Index(fields=["mode", "decision_id"], name="decision_mode_order"),
            models.Index(fields=["module", "version", "decision_id"], name="decision_version_order"),
        ]

    def __str__(self) -> str:
        return f"decision {self.decision_id}"


class DecisionOutcome(models.Model):
    """The realized rr of a closed trade beside each decision it named, identified lever or not."""

    decision_id = models.UUIDField()
    trade = models.ForeignKey(Trade, models.CASCADE, related_name="decision_outcomes", db_index=False)
    action_index = models.PositiveSmallIntegerField()
    rr = models.FloatField()
    unattributed = models.CharField(max_length=200, blank=True, help_text="why no share was given; empty: shares exist")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trade", "action_index", "decision_id"], name="one_outcome_per_decision_of_action"
            ),
            models.CheckConstraint(condition=finite("rr"), name="decision_outcome_rr_is_finite"),
        ]
        indexes = [models.Index(fields=["decision_id"], name="decision_outcome_by_decision")]

    def __str__(self) -> str:
        return f"outcome of decision {self.decision_id}"


class PendingAttribution(models.Model):
    """A mark: this trade names decisions and waits for `attribute`. Made with the trade, deleted when attributed."""

    trade = models.OneToOneField(Trade, models.CASCADE, primary_key=True, related_name="+")
    marked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["marked_at"], name="pending_by_age")]

    def __str__(self) -> str:
        return f"trade {self.trade_id} awaits attribution"


class Attribution(models.Model):
    """What the levers of one closed trade earned in all: total = shares + carried + residual (design 9)."""

    trade = models.OneToOneField(Trade, models.CASCADE, primary_key=True, related_name="attribution")
    rr = models.FloatField()
    total = models.FloatField()
    carried = models.FloatField()
    residual = models.FloatField()
    attributed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=finite("rr", "total", "carried", "residual"), name="attribution_is_finite")
        ]
        indexes = [
            models.Index(fields=["-attributed_at", "-trade"], name="attribution_newest_first"),
            models.Index(fields=["total"], name="attribution_by_total"),
        ]

    def __str__(self) -> str:
        return f"attribution of trade {self.trade_id}"


class AttributionShare(models.Model):
    """The part of a trade's total that one override of one decision earned, in R per unit of size."""

    attribution = models.ForeignKey(Attribution, models.CASCADE, related_name="shares", db_index=False)
    decision_id = models.UUIDField()
    lever = models.CharField(max_length=40)
    override_id = models.CharField(max_length=64, help_text="the override, or prior / coefficients / cap")
    line_id = models.CharField(max_length=64, blank=True)
    part = models.FloatField()
    share = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attribution", "decision_id", "lever", "override_id"], name="one_share_per_override_and_lever"
            ),
            models.CheckConstraint(condition=finite("part", "share"), name="attribution_share_is_finite"),
        ]
        indexes = [models.Index(fields=["line_id"], name="share_by_line")]

    def __str__(self) -> str:
        return f"share of {self.override_id[:8]} in decision {self.decision_id}"


class AuditEntry(models.Model):
    """One governed write. `seq`, `previous_hash` and `hash` are set by the database (core.chain)."""

    seq = models.BigIntegerField(primary_key=True, editable=False)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    content = models.TextField(help_text="canonical JSON: at, actor, action, object, reason, before, after, request_id")
    actor = models.GeneratedField(
        expression=KeyTextTransform("actor", Cast("content", models.JSONField())),
        output_field=models.TextField(),
        db_persist=True,
    )
    action = models.GeneratedField(
        expression=KeyTextTransform("action", Cast("content", models.JSONField())),
        output_field=models.TextField(),
        db_persist=True,
    )
    object = models.GeneratedField(
        expression=KeyTextTransform("object", Cast("content", models.JSONField())),
        output_field=models.TextField(),
        db_persist=True,
    )
    written_at = models.DateTimeField()
    transaction = models.BigIntegerField(help_text="PostgreSQL's transaction id: ties the entry to the write")

    class Meta:
        ordering = ("-seq",)
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["object"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"audit {self.seq} {self.action} {self.object}"


class JobRun(models.Model):
    """One run of a scheduled verb; unique by (job, period), so that a second delivery does nothing."""

    class Status(models.TextChoices):
        DONE = "done"
        FAILED = "failed"

    job = models.CharField(max_length=60)
    period = models.CharField(max_length=60)
    status = models.CharField(max_length=7, choices=Status)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    rows = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-finished_at",)
        constraints = [models.UniqueConstraint(fields=["job", "period"], name="one_run_per_job_and_period")]
        indexes = [models.Index(fields=["-finished_at"], name="job_run_newest_first")]

    def __str__(self) -> str:
        return f"{self.job} {self.period}"


class OutboxMessage(models.Model):
    """A task for the queue, stored with what asks for it; the beat sends it again until the queue has taken it."""

    task = models.CharField(max_length=100)
    kwargs = models.JSONField(default=dict)
    request_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="the task runs no sooner")
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["attempts", "id"], condition=Q(sent_at=None), name="outbox_waiting"),
            models.Index(fields=["task", "due_at"], name="outbox_by_task"),
            models.Index(fields=["sent_at"], name="outbox_by_sent"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} for {self.task}"


class StoredAnswer(models.Model):
    """What a caller was answered under an Idempotency-Key; kept for a day. Without a status it is being worked on."""

    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    digest = models.BinaryField(help_text="sha256 of address and body")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_idempotency_key")]
        indexes = [models.Index(fields=["created_at"], name="stored_answer_by_age")]

    def __str__(self) -> str:
        return f"answer {self.pk} to {self.caller}"


class Computed(models.Model):
    """An answer that takes long, computed once (`telemetry.computed`); its key is the hash of all it depends on."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    key = models.CharField(primary_key=True, max_length=64, editable=False)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    progress = models.FloatField(default=0.0)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="last sign of life of whoever computes it")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    UNDER_WAY = (Status.WAITING, Status.RUNNING)

    @property
    def is_under_way(self) -> bool:
        """Waiting for a worker or with one."""
        return self.status in self.UNDER_WAY
