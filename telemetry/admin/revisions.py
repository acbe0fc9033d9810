"""The filter of facts that are corrected by later revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from telemetry.foundation.admin.read_only import DefaultFilter


class RevisionFilter(DefaultFilter):
    """Limits a list to the revisions that stand, which is the default, or to those that a correction superseded."""

    title = "revision"
    words = "current revisions"
    stands: Mapping[str, bool]  # the field of the rows that says whether a revision stands, and its value there

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("no", "superseded"),)

    def default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**self.stands)

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.exclude(**self.stands) if value == "no" else queryset.filter(**self.stands)


def revision_filter(parameter: str, **stands: bool) -> type[RevisionFilter]:
    """Return the filter whose parameter in the address is `parameter`, by a boolean field and its value.

    >>> revision_filter("standing", is_corrected=False).parameter_name
    'standing'
    """
    return type("FieldRevisionFilter", (RevisionFilter,), {"parameter_name": parameter, "stands": stands})
