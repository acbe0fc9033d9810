"""The admin site: every list on it, also of other packages, refuses filters that cannot be read with a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.http import HttpRequest, QueryDict
from django.template.defaultfilters import truncatechars

MOST_CHARACTERS = 1000  # of a parameter of a list's address
SHOWN_CHARACTERS = 60

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:  # Django's class takes no parameters when it runs
    ModelAdmin = admin.ModelAdmin


class ReadableFilters(ModelAdmin):
    """Mixin of every list: an address that cannot be read leads to the whole list and a message that says why."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the list that the address describes; Django redirects where IncorrectLookupParameters is raised."""
        fault = unreadable_parameter(request.GET)
        if not fault:
            try:
                return super().get_changelist_instance(request)
            except (IncorrectLookupParameters, ValueError, OverflowError, DataError):
                given = truncatechars(request.META.get("QUERY_STRING", ""), SHOWN_CHARACTERS)
                fault = f"{given} has a value that the list cannot be filtered by, such as a year out of range"
        messages.error(request, f"Filter: {fault}. The list is shown whole; choose a filter beside it.")
        raise IncorrectLookupParameters(fault)


def unreadable_parameter(parameters: QueryDict) -> str:
    """Return what is wrong with the parameters of an address whatever they filter by; empty if nothing is."""
    for name, values in parameters.lists():
        shown = truncatechars(name.replace("\0", "?"), SHOWN_CHARACTERS)
        for text in (name, *values):
            if "\0" in text:
                return f"{shown} holds a NUL character, which no value has"
            if len(text) > MOST_CHARACTERS:
                return f"{shown} is longer than {MOST_CHARACTERS} characters"
    return ""


class Site(admin.AdminSite):
    """Django's admin site, with ReadableFilters before the class of every list."""

    def register(
        self, model_or_iterable: Any | Iterable[Any], admin_class: type[Any] | None = None, **options: Any
    ) -> None:
        listed = admin_class or admin.ModelAdmin
        super().register(model_or_iterable, type(listed.__name__, (ReadableFilters, listed), {}), **options)
