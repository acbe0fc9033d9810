"""Notices: audit entries that everybody with a permission has to read, and who has acknowledged them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from telemetry.models.audit import AuditEntry


class Notice(models.Model):
    """The audience of an audit entry, written in the same transaction and never changed.

    The content is the entry, which the hash chain protects; the notice only states who has to read it.
    """

    entry = models.OneToOneField(AuditEntry, models.DO_NOTHING, db_constraint=False, related_name="notice")
    audience = models.CharField(max_length=100, help_text="permission of the readers (app.codename)")

    class Meta:
        ordering = ("-entry_id",)

    def __str__(self) -> str:
        return f"notice {self.pk}"


class Acknowledgement(models.Model):
    """One person has read one notice; the database requires an audit entry by the same person."""

    notice = models.ForeignKey(Notice, models.PROTECT, related_name="acknowledgements")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    acknowledged_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "person"], name="one_acknowledgement_per_notice_and_person")
        ]

    def __str__(self) -> str:
        return f"notice {self.notice_id} acknowledged by {self.person}"
