"""Table of the weekly reports that were made and kept."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, ClassVar

from django.db import models
from django.utils.functional import cached_property


class WeeklyReport(models.Model):
    """What changed, earned, lapsed and waited in one ISO week: a document that is made once and never changes.

    The document is canonical JSON as text, so that its hash can be checked by anybody. A week that is reported again
    gets a further revision; the earlier ones are kept.
    """

    MOST_BYTES: ClassVar = 1_048_576

    week = models.DateField(help_text="the Monday that begins the week")
    revision = models.PositiveIntegerField(default=1)
    document = models.TextField()
    document_hash = models.CharField(max_length=64, help_text="sha256 of the document; set by the database")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)

    class Meta:
        ordering = ("-week", "-revision")
        constraints = [models.UniqueConstraint(fields=["week", "revision"], name="one_report_per_week_and_revision")]

    def __str__(self) -> str:
        return f"weekly report {self.label}, revision {self.revision}"

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """The document as JSON values."""
        found: dict[str, Any] = json.loads(self.document)
        return found

    @property
    def label(self) -> str:
        """The week by its ISO name, for example 2026-W48."""
        return week_label(self.week)


def week_label(monday: date) -> str:
    """Return the ISO name of the week that begins on this Monday.

    >>> week_label(date(2026, 12, 28)), week_label(date(2027, 1, 4))
    ('2026-W53', '2027-W01')
    """
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"
