"""Tables of what recent requests met, for lists only, kept from the decision log by `monitoring.unmet.line_use`.

They hold times and daily counts that can be computed again from the decisions, and nothing is decided by them.
"""

from __future__ import annotations

from django.db import models

from telemetry.models import CATEGORIES, MODULES


class LineUse(models.Model):
    """When requests last met a line, and when it last moved a lever."""

    line_id = models.CharField(primary_key=True, max_length=64, editable=False)
    last_matched = models.DateTimeField(help_text="the last request whose pattern, action and scope it fits")
    last_acted = models.DateTimeField(null=True, help_text="the last of them in which it was not left out")
    last_uncut = models.DateTimeField(
        null=True, help_text="the last of them in which not every lever that it moves was cut"
    )
    last_long = models.DateTimeField(null=True, help_text="the last close of a long trade that it moved")
    last_short = models.DateTimeField(null=True, help_text="the last close of a short trade that it moved")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"use of line {self.line_id[:12]}"


class KeyUse(models.Model):
    """What was asked for a pattern and an action on one UTC day, and which trades of it closed on that day."""

    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    day = models.DateField()
    decisions = models.PositiveIntegerField(default=0)
    longs = models.PositiveIntegerField(default=0)
    shorts = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["module", "pattern_key", "action_category", "day"], name="one_count_per_key_and_day"
            )
        ]
        indexes = [models.Index(fields=["day"], name="key_use_by_day")]

    def __str__(self) -> str:
        return f"{self.module} {self.pattern_key} {self.action_category} on {self.day}"


class ValueUse(models.Model):
    """When a request last carried a value that a line in force or an allow-list names."""

    module = models.CharField(max_length=2, choices=MODULES)
    dimension = models.CharField(max_length=100)
    value = models.CharField(max_length=200)
    counted_since = models.DateTimeField(help_text="requests before this were not looked at")
    last_sent = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["module", "dimension", "value"], name="one_use_per_value_of_dimension")
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.dimension}={self.value}"


class UseCounted(models.Model):
    """Which part of the decision log the counts of use cover; the table has one row at most."""

    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"counted until {self.until:%Y-%m-%d %H:%M}"
