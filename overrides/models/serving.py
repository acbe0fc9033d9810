"""Tables of the modules' serving modes, of the holdback's secret, and of what processes and clients report to serve."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from overrides.core.engine.definitions.holdback import LARGEST_PERCENT
from overrides.core.engine.definitions.serving_mode import LONGEST_SALT
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
    rollout_salt = models.CharField(
        max_length=LONGEST_SALT,
        blank=True,
        default="",
        db_default="",
        help_text="of the roll-out; empty: from before there were salts",
    )
    holdback_percent = models.FloatField(
        default=0.0, db_default=0.0, help_text="share of positions that are answered neutral"
    )
    arms = models.JSONField(default=dict, db_default={}, help_text="lever -> what is explored of it; empty: nothing")
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
            models.CheckConstraint(
                condition=finite("holdback_percent", low=0, high=LARGEST_PERCENT), name="mode_holdback_is_small"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.mode}"


class HoldbackSecret(models.Model):
    """The secret by which positions are drawn to be held back: one row, made once, which no page and no API shows.

    Whoever knows it can tell which positions will be answered neutral, and could choose position keys by that.
    """

    secret = models.BinaryField(max_length=32)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="there_is_one_holdback_secret")]

    def __str__(self) -> str:
        return "the secret of the holdback"


class ServingConfirmation(models.Model):
    """What a process or a local client serves of a module, as it reported last.

    It proves nothing and decides nothing: it shows who has not yet followed a switch or a version. The table is
    unlogged, so it is empty after a crash of PostgreSQL; whoever still serves reports again within seconds.
    """

    class Kind(models.TextChoices):
        """A process of the application, or a client that evaluates a snapshot by itself."""

        PROCESS = "process"
        CLIENT = "client"

    kind = models.CharField(max_length=7, choices=Kind)
    name = models.CharField(max_length=200)
    module = models.CharField(max_length=2, choices=MODULES)
    version = models.PositiveIntegerField(null=True, help_text="number of the version; null: none")
    mode_revision = models.PositiveIntegerField(null=True, help_text="revision of the mode; null: no mode was set")
    at = models.DateTimeField(help_text="when it reported last")
    confirmed_at = models.DateTimeField(null=True, help_text="when it last served the newest state; null: never")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "module"], name="one_confirmation_per_server_and_module"),
            models.CheckConstraint(
                condition=Q(kind__in=("process", "client"), module__in=("dm", "pm")),
                name="confirmation_words_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} serves {self.module} {self.version}"
