"""The list and the pages of scorecards: what was promised, what came of it, and what was earned."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.charts.calibration import calibration_chart
from overrides.admin.line_lists import LINE_SEARCH, found_lines, line_and_levers
from overrides.admin.scorecard_display import GROUP_WORDS, Shown, counted, percent, quiet
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import Line, Scorecard
from overrides.monitoring.scoring.score_groups import MANUAL
from telemetry.core.vocabulary import Module
from telemetry.foundation.admin.formatting import number
from telemetry.foundation.admin.read_only import DefaultFilter, FactAdmin, one_of

Group = Scorecard.Group


class NullsLast(OrderBy):
    """Sorts by a figure in either direction, and lists the rows without it last."""

    def __init__(self, figure: str) -> None:
        super().__init__(F(figure), nulls_last=True)

    def reverse_ordering(self) -> NullsLast:
        self.descending = not self.descending
        return self


class GroupFilter(DefaultFilter):
    """Limits the list to one kind of group; without a choice, to lines."""

    title = "group"
    parameter_name = "group"
    words = "scorecards of lines"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return tuple((str(group), words) for group, words in GROUP_WORDS.items() if group != Group.LINE)

    def default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(group=Group.LINE)

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(group=value)


@admin.register(Scorecard)
class ScorecardAdmin(FactAdmin):
    """The list of scorecards and the page of each."""

    nothing_yet = "They come with closed trades that name the answers they acted on, within a quarter of an hour."
    change_form_template = "overrides/scorecards/scorecard.html"
    change_list_template = "overrides/scorecards/scorecard_list.html"
    list_display = ("what", "extent", "moved", "promise", "outcome", "ratio", "sum_earned")
    list_filter = (
        GroupFilter,
        one_of("module", Module),
        one_of("method", (*LearningMethod, MANUAL), "learning method"),
    )
    sortable_by = ("extent", "moved", "promise", "outcome", "ratio", "sum_earned")
    search_fields = ("name",)
    search_help_text = f"{LINE_SEARCH}; or any part of a name"
    csv_fields = (
        "id", "group", "module", "name", "method", "line_id", "lines", "is_shown", "trades", "decisions", "movement",
        "judged", "judged_days", "promised", "realised", "realised_low", "realised_high", "slope", "slope_low",
        "slope_high", "earning_days", "earned", "earned_each", "earned_low", "earned_high", "computed_at",
    )  # fmt: skip
    list_select_related = ("line",)
    ordering = ("-trades", "id")
    fields = ("what",)
    readonly_fields = ("what",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Scorecard], search_term: str
    ) -> tuple[QuerySet[Scorecard], bool]:
        if not search_term.strip():
            return queryset, False
        lines = found_lines(Line.objects.all(), search_term).values("pk")
        return queryset.filter(Q(line__in=lines) | Q(line=None, name__icontains=search_term.strip())), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            response.context_data["counted"] = counted(response.context_data["cl"].queryset)
        return response

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        chart = calibration_chart({"groups": obj.bins, "slope": obj.slope})
        shown = Shown(obj)
        return {"shown": shown, "about": shown.about, "chart": chart, "words": GROUP_WORDS[Group(obj.group)]}

    @admin.display(description="whose")
    def what(self, card: Scorecard) -> SafeString:
        if card.line is not None:
            return line_and_levers(card.line)
        words = GROUP_WORDS[Group(card.group)]
        return format_html('{} <div class="cw-quiet cw-small">{}, {}</div>', Shown(card).about, words, card.module)

    @admin.display(description="trades", ordering="trades")
    def extent(self, card: Scorecard) -> SafeString:
        if not card.is_shown:
            return quiet(f"{card.lines} lines decided: too few to say")
        return format_html(
            '{} <div class="cw-quiet cw-small">{} answers</div>', number(card.trades, 0), number(card.decisions, 0)
        )

    @admin.display(description="movement", ordering=NullsLast("movement"))
    def moved(self, card: Scorecard) -> SafeString:
        return percent(card.movement)

    @admin.display(description="promised", ordering=NullsLast("promised"))
    def promise(self, card: Scorecard) -> SafeString:
        return number(card.promised, 3, signed=True, unit="R")

    @admin.display(description="realised", ordering=NullsLast("realised"))
    def outcome(self, card: Scorecard) -> SafeString:
        return Shown(card).realised

    @admin.display(description="realised ÷ promised", ordering=NullsLast("slope"))
    def ratio(self, card: Scorecard) -> SafeString:
        return Shown(card).slope

    @admin.display(description="earned", ordering=NullsLast("earned"))
    def sum_earned(self, card: Scorecard) -> SafeString:
        shown = Shown(card)
        if card.earned is None or not card.is_shown:
            return shown.earned
        return format_html('{} <div class="cw-quiet cw-small">per trade {}</div>', shown.earned, shown.earned_each)
