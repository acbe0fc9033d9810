"""Tables of the monitor: the state of each detector, its days, the trades it counted, and the guard of each module.

They are derived from attributed trades and grant nothing: what the monitor does because of them is a request.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from overrides.models.requests import ChangeRequest
from telemetry.foundation.models import finite
from telemetry.models import MODULES

HIGHEST = 1e9


class Monitor(models.Model):
    """The detector of a line in force or of a coefficient: the capital of its bets, and what was done because of it."""

    class Kind(models.TextChoices):
        """What is watched."""

        LINE = "line"
        COEFFICIENT = "coefficient"

    class State(models.TextChoices):
        """Watching; amber, which asks for a look; red, above the limit; shared, above it because of lines
        that acted beside it; disabled by the monitor."""

        WATCHING = "watching"
        AMBER = "amber"
        RED = "red"
        SHARED = "shared"
        DISABLED = "disabled"

    OPEN: ClassVar = ("watching", "amber", "red", "shared")

    module = models.CharField(max_length=2, choices=MODULES)
    kind = models.CharField(max_length=11, choices=Kind)
    name = models.CharField(max_length=128, help_text="id of the line, or lever=value of the coefficient")
    state = models.CharField(max_length=8, choices=State, default=State.WATCHING)
    since = models.DateTimeField(help_text="when what is watched came into force; earlier trades do not count")
    detector = models.JSONField(help_text="the state of core.monitoring.e_detector")
    realised = models.JSONField(help_text="sums over closed days of what came of it, in R in the direction promised")
    baseline = models.JSONField(
        null=True, help_text="of a coefficient: mean and sd of the module's earlier trades, in R"
    )
    level = models.FloatField(default=0.0, help_text="mean capital of the bets; from 1,000 on it is disabled")
    cusum = models.FloatField(default=0.0, help_text="cumulative sum; from 6 on it is amber")
    remaining = models.FloatField(
        null=True, help_text="evidence that remains beside what its neighbours realised; null until it was judged"
    )
    trades = models.PositiveIntegerField(default=0)
    last_closed_at = models.DateTimeField(null=True, help_text="close of the last trade counted")
    last_trade = models.UUIDField(null=True)
    changed_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True)
    request = models.ForeignKey(ChangeRequest, models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["module", "kind", "name"], name="one_monitor_per_subject"),
            models.CheckConstraint(
                condition=Q(
                    module__in=("dm", "pm"),
                    kind__in=("line", "coefficient"),
                    state__in=("watching", "amber", "red", "shared", "disabled"),
                ),
                name="monitor_words_are_known",
            ),
            models.CheckConstraint(
                condition=finite("level", "cusum", low=0, high=HIGHEST), name="monitor_figures_are_finite"
            ),
            models.CheckConstraint(
                condition=Q(remaining=None) | finite("remaining", low=0, high=HIGHEST),
                name="monitor_remaining_is_finite",
            ),
        ]
        indexes = [models.Index(fields=["-level", "id"], name="monitor_by_level")]

    def __str__(self) -> str:
        return f"monitor of {self.kind} {self.name[:40]}"


class MonitorDay(models.Model):
    """Where a detector stood at the end of a UTC day on which it counted trades; its page draws them."""

    monitor = models.ForeignKey(Monitor, models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    level = models.FloatField()
    cusum = models.FloatField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["monitor", "day"], name="one_point_per_monitor_and_day"),
            models.CheckConstraint(
                condition=finite("level", "cusum", low=0, high=HIGHEST), name="monitor_day_is_finite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} of monitor {self.monitor_id}"


class MonitorTrade(models.Model):
    """A trade that a detector counted: once, however often it is read, and in the place of its earlier revisions."""

    monitor = models.ForeignKey(Monitor, models.CASCADE, related_name="counted", db_index=False)
    external_id = models.CharField(max_length=200, help_text="of the trade; a correction has the same one")
    trade = models.UUIDField()
    closed_at = models.DateTimeField()
    u = models.FloatField(help_text="standardised and clipped, as the detector counts it")
    earned = models.FloatField(help_text="R in the direction that was promised")
    good = models.FloatField(help_text="promised size over the standard deviation")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["monitor", "external_id"], name="one_count_per_monitor_and_trade"),
            models.CheckConstraint(condition=finite("u", "earned", "good"), name="monitor_trade_is_finite"),
        ]
        indexes = [models.Index(fields=["monitor", "closed_at", "trade"], name="monitor_trade_in_order")]

    def __str__(self) -> str:
        return f"trade {self.external_id} of monitor {self.monitor_id}"


class GuardDay(models.Model):
    """What the levers and coefficients of a module earned on one UTC day beside neutral, in R per unit of size."""

    module = models.CharField(max_length=2, choices=MODULES)
    day = models.DateField()
    total = models.FloatField()
    trades = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["module", "day"], name="one_guarded_day_per_module"),
            models.CheckConstraint(
                condition=finite("total") & Q(module__in=("dm", "pm")), name="guarded_day_is_finite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module} on {self.day}"


class ModuleGuard(models.Model):
    """What a module earned beside neutral since it was switched on, by days, and up to where its trades were read."""

    class State(models.TextChoices):
        """Watching a module that is on; idle while it is not; dropped once it took the module to shadow."""

        WATCHING = "watching"
        IDLE = "idle"
        DROPPED = "dropped"

    module = models.CharField(primary_key=True, max_length=2, choices=MODULES)
    state = models.CharField(max_length=8, choices=State, default=State.IDLE)
    since = models.DateTimeField(null=True, help_text="when the module was switched on")
    mean = models.FloatField(null=True, help_text="R per trade beside neutral; null below 30 days")
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    days = models.PositiveIntegerField(default=0)
    trades = models.PositiveIntegerField(default=0)
    read_until = models.DateTimeField(null=True, help_text="newest attribution that the monitors have read")
    changed_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True)
    request = models.ForeignKey(ChangeRequest, models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(module__in=("dm", "pm"), state__in=("watching", "idle", "dropped")),
                name="guard_words_are_known",
            ),
            models.CheckConstraint(
                condition=Q(mean=None, low=None, high=None) | finite("mean", "low", "high"),
                name="guard_interval_is_finite",
            ),
        ]

    def __str__(self) -> str:
        return f"guard of {self.module}"
