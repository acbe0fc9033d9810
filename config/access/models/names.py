"""Every name that a person has had; audit entries name people, so no name is given to a second person."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class PersonName(models.Model):
    """A name and the person it belongs to permanently; written by the database trigger `keep_person_name` only.

    `key` is the name in lower case and without compatibility characters (SQL function `person_name_key`).
    """

    key = models.CharField(max_length=600, primary_key=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.key
