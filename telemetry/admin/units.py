"""Admin page of the units of risk: what one R is for each strategy of imported trades, and why."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from telemetry.core.unit_of_risk import Unit, UnitChoice
from telemetry.foundation.admin.formatting import format_moment
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.models import UnitOfRisk


@admin.register(UnitOfRisk)
class UnitOfRiskAdmin(FactAdmin):
    """The units of risk; each is chosen at the first import of its strategy and never changes."""

    nothing_yet = (
        "The first import of a strategy's trades from freqtrade chooses one. Bots and other files state outcomes in R "
        "themselves."
    )
    list_display = ("strategy", "one_r", "because", "chosen")
    list_filter = (one_of("unit", [unit.value for unit in Unit]),)
    sortable_by = ("strategy",)
    search_fields = ("strategy__icontains",)
    search_help_text = "any part of a strategy's name"
    csv_fields = ("strategy", "unit", "trades", "real_stops", "chosen_at")
    fields = (("strategy", "one_r", "chosen"), "because")
    readonly_fields = ("one_r", "because", "chosen")

    @admin.display(description="one R is")
    def one_r(self, row: UnitOfRisk) -> str:
        return Unit(row.unit).words

    @admin.display(description="because")
    def because(self, row: UnitOfRisk) -> str:
        return UnitChoice(Unit(row.unit), row.trades, row.real_stops).reason

    @admin.display(description="chosen")
    def chosen(self, row: UnitOfRisk) -> SafeString:
        return format_moment(row.chosen_at)
