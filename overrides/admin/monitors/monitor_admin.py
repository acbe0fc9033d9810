"""Admin of monitors: the list with what each detector says, and the page with its curve."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.line_lists import CHANNEL_WORDS, LINE_SEARCH, found_lines, line_and_levers
from overrides.admin.monitor_display import state_badge, watched, with_standing
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.models import Line, Monitor
from telemetry.core.vocabulary import Module
from telemetry.foundation.admin.formatting import format_moment, number
from telemetry.foundation.admin.pagination import CompletedList, FactList
from telemetry.foundation.admin.read_only import DefaultFilter, FactAdmin, one_of


class MonitorList(CompletedList):
    """Adds to each row `line`, the line that it watches; None for a coefficient."""

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        found = Line.objects.in_bulk([row.name for row in rows if row.kind == Monitor.Kind.LINE])
        for row in rows:
            row.line = found.get(row.name)


class StandingFilter(DefaultFilter):
    """Limits the list to what is in force, with what the monitor disabled; other detectors stand still."""

    title = "in force"
    parameter_name = "in_force"
    words = "what is in force or was disabled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("no", "not in force"),)

    def default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(Q(stands=True) | Q(state=Monitor.State.DISABLED))

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(stands=value != "no")


@admin.register(Monitor)
class MonitorAdmin(FactAdmin):
    """The list of monitors, those with the most evidence against them first."""

    nothing_yet = "A line in force is watched from its first closed trade on, if its promise says what it predicts."
    change_form_template = "overrides/monitors/monitor.html"
    list_display = ("what", "state_shown", "evidence", "sum_shown", "counted", "watched_since")
    list_filter = (
        StandingFilter,
        one_of("state", Monitor.State.values),
        one_of("module", Module),
        one_of("kind", Monitor.Kind.values, "what is watched"),
    )
    search_fields = ("name",)
    search_help_text = LINE_SEARCH
    csv_fields = (
        "module", "kind", "name", "state", "level", "cusum", "trades", "since", "last_closed_at", "disabled_at",
        "request_id",
    )  # fmt: skip
    ordering = ("-level", "id")
    sortable_by = ("evidence",)
    fields = ("what",)
    readonly_fields = ("what",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Monitor]:
        return with_standing(super().get_queryset(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return MonitorList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Monitor], search_term: str
    ) -> tuple[QuerySet[Monitor], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(name__in=found_lines(Line.objects.all(), search_term).values("pk")), False

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        line = Line.objects.filter(pk=obj.name).first() if obj.kind == Monitor.Kind.LINE else None
        about = obj.name if line is None else str(line)
        levers = "" if line is None else CHANNEL_WORDS[Channel(line.channel)]
        return {"title": f"Monitor of {about}", "about": about, "watched": watched(obj), "line": line, "levers": levers}

    @admin.display(description="what is watched")
    def what(self, row: Any) -> SafeString | str:
        line = getattr(row, "line", None)
        return str(row.name) if line is None else line_and_levers(line)

    @admin.display(description="state")
    def state_shown(self, row: Monitor) -> SafeString:
        return state_badge(row)

    @admin.display(description="evidence against it", ordering="level")
    def evidence(self, row: Monitor) -> SafeString:
        return number(row.level, 0)

    @admin.display(description="cumulative sum")
    def sum_shown(self, row: Monitor) -> SafeString:
        return number(row.cusum, 1)

    @admin.display(description="trades")
    def counted(self, row: Monitor) -> SafeString:
        if row.last_closed_at is None:
            return number(row.trades, 0)
        return format_html(
            '{} <div class="cw-quiet cw-small">last closed {}</div>',
            number(row.trades, 0),
            format_moment(row.last_closed_at),
        )

    @admin.display(description="watched since")
    def watched_since(self, row: Monitor) -> SafeString:
        return format_moment(row.since)
