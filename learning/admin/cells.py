"""Cells by their group: what `aggregate` counted."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from learning.models import Cell, CellGroup
from telemetry.admin.display import chips, moment, number, pattern
from telemetry.admin.facts import FactAdmin, one_of


@admin.register(CellGroup)
class CellGroupAdmin(FactAdmin):
    nothing_yet = "Recorded trades are aggregated within minutes."
    list_display = ("module", "what", "n_outcomes", "cells", "aggregated")
    list_display_links = ("what",)
    list_filter = ("module", "action_category")
    search_fields = ("pattern_key__startswith",)
    ordering = ("module", "pattern_key", "action_category")
    fields = (("module", "what"), "dimensions", ("n_outcomes", "cells", "aggregated"))
    readonly_fields = ("what", "cells", "aggregated")

    @admin.display(description="pattern and action", ordering="pattern_key")
    def what(self, group: CellGroup) -> SafeString:
        return pattern(group.pattern_key, group.action_category)

    @admin.display(description="cells", ordering="n_cells")
    def cells(self, group: CellGroup) -> SafeString:
        where = reverse("admin:learning_cell_changelist")
        return format_html('<a href="{}?group__id__exact={}">{}</a>', where, group.pk, number(group.n_cells, 0))

    @admin.display(description="aggregated", ordering="aggregated_at")
    def aggregated(self, group: CellGroup) -> SafeString:
        return moment(group.aggregated_at)


@admin.register(Cell)
class CellAdmin(FactAdmin):
    """Statistics of one scope subset, without a baseline; read them within their group."""

    nothing_yet = "Recorded trades are aggregated within minutes; a scope becomes a cell once enough trades share it."
    list_display = ("scope_shown", "what", "n", "mean_shown", "variance_shown", "first", "last")
    list_filter = (one_of("n_dims", [str(n) for n in range(15)], "dimensions"), "group")
    list_select_related = ("group",)
    ordering = ("group", "n_dims", "-n")
    fields = ("what", "scope_shown", ("n", "mean_shown", "variance_shown"), ("first", "last"))
    readonly_fields = ("what", "scope_shown", "mean_shown", "variance_shown", "first", "last")

    @admin.display(description="scope")
    def scope_shown(self, cell: Cell) -> SafeString:
        return chips(cell.scope)

    @admin.display(description="group", ordering="group")
    def what(self, cell: Cell) -> SafeString:
        return pattern(cell.group.pattern_key, cell.group.action_category)

    @admin.display(description="mean", ordering="mean")
    def mean_shown(self, cell: Cell) -> SafeString:
        return number(cell.mean, 3, signed=True, unit="R")

    @admin.display(description="variance", ordering="variance")
    def variance_shown(self, cell: Cell) -> SafeString:
        return number(cell.variance, 3, unit="R²")

    @admin.display(description="first close", ordering="first_closed_at")
    def first(self, cell: Cell) -> SafeString:
        return moment(cell.first_closed_at)

    @admin.display(description="last close", ordering="last_closed_at")
    def last(self, cell: Cell) -> SafeString:
        return moment(cell.last_closed_at)
