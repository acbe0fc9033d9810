"""The unit of risk in which a strategy's outcomes are measured, chosen once at its first import."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

UNITS = (("stop", "the first stop"), ("atr", "2 ATR"))


class UnitOfRisk(models.Model):
    """The unit of one strategy or family; never changed, since outcomes in two units cannot be pooled."""

    strategy = models.CharField(max_length=200, unique=True)
    unit = models.CharField(max_length=10, choices=UNITS)
    trades = models.PositiveIntegerField(help_text="trades on which the choice rests; 0: chosen by hand")
    real_stops = models.PositiveIntegerField(help_text="how many of them have a real stop")
    chosen_at = models.DateTimeField()

    class Meta:
        ordering = ("strategy",)
        verbose_name_plural = "units of risk"
        constraints = [
            models.CheckConstraint(condition=Q(unit__in=[name for name, _ in UNITS]), name="unit_of_risk_is_known")
        ]

    def __str__(self) -> str:
        return f"{self.strategy}: {self.get_unit_display()}"
