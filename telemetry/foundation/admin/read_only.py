"""Base classes for read-only admin pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from telemetry.foundation.admin.formatting import MISSING
from telemetry.foundation.admin.pagination import BoundedPaginator, FactList

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:  # Django's classes take no parameters when they run
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


def person(request: HttpRequest) -> User:
    """Return the logged-in user of an admin request."""
    assert isinstance(request.user, User)
    return request.user


class ReadOnly:
    """Mixin that refuses the permissions to add, change and delete."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class FactAdmin(ReadOnly, ModelAdmin):
    """Base class of read-only lists and pages of possibly large tables.

    `sortable_by` names the columns that have an index. Rows are counted once, and related rows are loaded only on
    demand.
    """

    actions: Sequence[Any] | None = None
    list_per_page = 50
    list_max_show_all = 200
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_form_template = "foundation/read_only.html"
    empty_value_display = MISSING
    nothing_yet = ""  # shown on an empty list: how rows get into it

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return FactList

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return additional template context for the page of `obj`."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"title": str(obj), "subtitle": None} | self.page(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)


class FactInline(ReadOnly, TabularInline):
    """Base class of read-only tables on an admin page."""

    extra = 0
    max_num = 0
    can_delete = False
    template = "foundation/read_only_inline.html"


def one_of(field: str, words: Iterable[str], title: str = "") -> type[admin.SimpleListFilter]:
    """Return a list filter over a closed vocabulary; unlike Django's filters it runs no SELECT DISTINCT."""
    known = tuple((word, word.replace("_", " ")) for word in words)

    class OneOf(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            return known

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() in dict(known) else queryset

    OneOf.title = title or field.replace("_", " ")
    return OneOf
