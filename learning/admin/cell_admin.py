"""Admin pages of cell groups and cells, as computed by `aggregate`."""

from __future__ import annotations

import math

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from learning.models import Cell, CellGroup
from telemetry.core.vocabulary import ActionCategory, Module, read_pattern_key
from telemetry.foundation.admin.formatting import chips, format_moment, number, pattern
from telemetry.foundation.admin.part_search import said, terms
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.admin.text_filters import typed_filter

OF_A_GROUP = "group__id__exact"


@admin.register(CellGroup)
class CellGroupAdmin(FactAdmin):
    """Read-only list of cell groups."""

    nothing_yet = "Recorded trades are aggregated within minutes."
    list_display = ("module", "what", "outcomes_shown", "cells_shown", "aggregated")
    list_display_links = ("what",)
    list_filter = ("module", "action_category")
    search_fields = ("pattern_key__icontains",)
    search_help_text = "any part of a pattern"
    ordering = ("module", "pattern_key", "action_category")
    fields = (("module", "what"), "dimensions", ("outcomes_shown", "cells_shown", "aggregated"))
    readonly_fields = ("what", "outcomes_shown", "cells_shown", "aggregated")
    csv_fields = ("id", "module", "pattern_key", "action_category", "n_outcomes", "n_cells", "aggregated_at")

    @admin.display(description="pattern and action", ordering="pattern_key")
    def what(self, group: CellGroup) -> SafeString:
        return pattern(group.pattern_key, group.action_category)

    @admin.display(description="outcomes", ordering="n_outcomes")
    def outcomes_shown(self, group: CellGroup) -> SafeString:
        return number(group.n_outcomes, 0)

    @admin.display(description="cells", ordering="n_cells")
    def cells_shown(self, group: CellGroup) -> SafeString:
        where = reverse("admin:learning_cell_changelist")
        return format_html('<a href="{}?{}={}">{}</a>', where, OF_A_GROUP, group.pk, number(group.n_cells, 0))

    @admin.display(description="aggregated", ordering="aggregated_at")
    def aggregated(self, group: CellGroup) -> SafeString:
        return format_moment(group.aggregated_at)


@admin.register(Cell)
class CellAdmin(FactAdmin):
    """Statistics of one scope subset; without a baseline, so they are compared and sorted only within their group."""

    nothing_yet = "Recorded trades are aggregated within minutes; a scope becomes a cell once enough trades share it."
    list_display = ("scope_shown", "what", "n", "mean_shown", "sd_shown", "first", "last")
    list_filter = (
        one_of("group__module", Module, "module"),
        one_of("group__action_category", ActionCategory, "action"),
        typed_filter(
            "pattern",
            "pattern",
            "family.state.motif",
            read_pattern_key,
            lambda rows, key: rows.filter(group__pattern_key=key),
        ),
        one_of("n_dims", [str(n) for n in range(9)], "dimensions"),
    )
    search_fields = ("scope",)
    search_help_text = "any part of a pattern, action or scope value; several words narrow the list"
    csv_fields = (
        "id", "group__module", "group__pattern_key", "group__action_category", "scope", "n_dims", "n", "mean",
        "variance", "first_closed_at", "last_closed_at",
    )  # fmt: skip
    list_select_related = ("group",)
    ordering = ("group", "n_dims", "-n")
    fields = ("what", "scope_shown", ("n", "mean_shown", "variance_shown"), ("first", "last"))
    readonly_fields = ("what", "scope_shown", "mean_shown", "variance_shown", "first", "last")

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        return ("n", "mean_shown", "sd_shown", "last") if OF_A_GROUP in request.GET else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Cell], search_term: str
    ) -> tuple[QuerySet[Cell], bool]:
        """Find the words in the names of groups first, which are few, and only the others in scopes."""
        for word in terms(search_term):
            groups = CellGroup.objects.alias(said=said("pattern_key", "action_category")).filter(said__contains=word)
            if keys := list(groups.values_list("pk", flat=True)):
                queryset = queryset.filter(group__in=keys)
            else:
                queryset = queryset.alias(said=said("scope")).filter(said__contains=word)
        return queryset, False

    @admin.display(description="scope")
    def scope_shown(self, cell: Cell) -> SafeString:
        return chips(cell.scope)

    @admin.display(description="pattern and action")
    def what(self, cell: Cell) -> SafeString:
        return pattern(cell.group.pattern_key, cell.group.action_category)

    @admin.display(description="mean", ordering="mean")
    def mean_shown(self, cell: Cell) -> SafeString:
        return number(cell.mean, 3, signed=True, unit="R")

    @admin.display(description="standard deviation", ordering="variance")
    def sd_shown(self, cell: Cell) -> SafeString:
        return number(math.sqrt(cell.variance), 3, unit="R")

    @admin.display(description="variance")
    def variance_shown(self, cell: Cell) -> SafeString:
        return number(cell.variance, 3, unit="R²")

    @admin.display(description="first close", ordering="first_closed_at")
    def first(self, cell: Cell) -> SafeString:
        return format_moment(cell.first_closed_at)

    @admin.display(description="last close", ordering="last_closed_at")
    def last(self, cell: Cell) -> SafeString:
        return format_moment(cell.last_closed_at)
