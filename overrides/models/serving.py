"""Table of the modules' serving modes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from overrides.models.versions import Version
from telemetry.foundation.models import finite
from telemetry.models import MODULES


class ModuleMode(models.Model):
    """The serving mode of a module. A missing or malformed row means off."""

    class Mode(models.TextChoices):
        """Whether answers are served (on), only logged (shadow), or not computed (off)."""

        OFF = "off"
        SHADOW = "shadow"
        ON = "on"

    module = models.CharField(primary_key=True, max_length=2, choices=MODULES)
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.OFF)
    rollout_percent = models.FloatField(default=100.0)
    allow = models.JSONField(default=dict, help_text="dimension -> values served; empty: all")
    challenger = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    revision = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150)
    reason = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=finite("rollout_percent", low=0, high=100), name="mode_rollout_is_a_percentage"
            ),
            models.CheckConstraint(condition=Q(mode__in=("off", "shadow", "on")), name="mode_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.mode}"
