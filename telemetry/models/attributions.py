"""Tables of attribution: what closed trades earned through the overrides behind their decisions."""

from __future__ import annotations

from django.db import models

from telemetry.foundation.models import finite
from telemetry.models.trades import Trade


class PendingAttribution(models.Model):
    """Marks a trade that names decisions and is not attributed yet.

    Created with the trade, deleted by `attribute_trades`.
    """

    trade = models.OneToOneField(Trade, models.CASCADE, primary_key=True, related_name="+")
    marked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["marked_at"], name="pending_by_age")]

    def __str__(self) -> str:
        return f"trade {self.trade_id} awaits attribution"


class Attribution(models.Model):
    """What the levers of a closed trade earned, in R: total = shares + carried + residual (docs/method.md 11)."""

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
