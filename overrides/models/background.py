"""Tables of background results: what-ifs and challenger comparisons."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from overrides.models.requests import ChangeRequest
from telemetry.foundation.models import BackgroundResult, finite
from telemetry.models import MODULES


class WhatIf(BackgroundResult):
    """What a request would change in the last logged decisions; computed once, keyed by the hash of its inputs."""

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="what_ifs")
    version = models.PositiveIntegerField(null=True, help_text="in force when it was asked for: what is compared with")
    n = models.PositiveIntegerField(help_text="decisions looked at, if there are so many")
    last_decision = models.UUIDField(null=True, help_text="the newest of them")
    as_of = models.DateTimeField(null=True, help_text="null: each decision as of its own time")
    document = models.JSONField(null=True)

    class Meta:
        ordering = ("-asked_at",)
        constraints = [
            models.CheckConstraint(condition=finite("progress", low=0, high=1), name="what_if_progress_is_a_share")
        ]

    def __str__(self) -> str:
        return f"what if request {self.request_id}"


class Challenge(BackgroundResult):
    """A comparison of the live answers with those of the challenger over a period; computed once and stored."""

    module = models.CharField(max_length=2, choices=MODULES)
    version = models.PositiveIntegerField(null=True, help_text="the challenger; null: whichever was logged")
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="decisions asked for at or after `since` and before this")
    document = models.JSONField(null=True)

    class Meta:
        ordering = ("-asked_at", "key")
        indexes = [models.Index(fields=["module", "-asked_at"], name="challenge_newest_first")]
        constraints = [
            models.CheckConstraint(condition=Q(progress__range=(0, 1)), name="challenge_progress_is_a_share"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="challenge_period_has_a_length"),
        ]

    def __str__(self) -> str:
        return f"{self.module}: live against challenger, {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"
