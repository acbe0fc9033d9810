"""The memory of each value that a coefficient of dm stands for."""

from __future__ import annotations

from django.db import models

from telemetry.foundation.models import finite
from telemetry.models import MODULES


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
