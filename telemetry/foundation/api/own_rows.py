"""Views of which some callers see their own rows alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class OwnRows:
    """What a view shows to whom: all rows by one permission, one's own by another.

    `column` holds the prefix of the key that a row came from. A caller's own rows are those of all keys of its owner,
    so that a bot with a new key still finds what it recorded with the one before.
    """

    all_permission: str
    own_permission: str
    column: str

    def of(self, rows: QuerySet[Row], request: Request) -> QuerySet[Row]:
        """Return the rows that the caller may see."""
        caller: Any = request.user
        if caller.has_perm(self.all_permission):
            return rows
        keys: Collection[str] = caller.own_keys()
        return rows.filter(**{f"{self.column}__in": keys})
