"""Months of decisions that a reviewed policy has retired; the rows that others cite are still decisions."""

from __future__ import annotations

from django.db import models


class DecisionRetirement(models.Model):
    """One retired month; written by the database function that drops its partition, and by nothing else."""

    month = models.CharField(max_length=7, unique=True, help_text="year_month, UTC")
    since = models.DateTimeField()
    until = models.DateTimeField()
    policies = models.CharField(max_length=100, help_text="module and number of each policy in force")
    rows = models.BigIntegerField(help_text="decisions of the month")
    kept = models.BigIntegerField(help_text="those of them that others cite, which are kept")
    retired_at = models.DateTimeField()

    class Meta:
        ordering = ("-since",)

    def __str__(self) -> str:
        return f"decisions of {self.month}, retired by policy {self.policies}"
