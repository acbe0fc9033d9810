"""API keys: stored as hashes, shown once, with one role each, revocable and with an optional expiry."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class ApiKey(models.Model):
    """The key of a bot or a tool. `prefix` identifies it, `digest` (SHA-256 of the whole key) verifies it.

    The owner is the author of what the key drafts, and so cannot approve it.
    """

    class Role(models.TextChoices):
        EVALUATE = "evaluate"
        RECORD = "record"
        BOT = "bot"
        PROPOSE = "propose"
        READ = "read"

    shown_once = ""  # the key itself, set only in the request that issued it; never stored

    name = models.CharField(max_length=100)
    role = models.CharField(max_length=8, choices=Role)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="the author of the key's drafts; without an owner it cannot draft",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=("evaluate", "record", "bot", "propose", "read")), name="key_role_is_known"
            )
        ]

    def __str__(self) -> str:
        return f"key {self.prefix} {self.name}"
