"""Admin of vetoes, pins and caps: the list, and the page that lifts one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.immediate_actions import LIFT, act_page, lift_consequences, perform, refuse_others
from overrides.admin.line_lists import (
    BY_CHANNEL,
    BY_METHOD,
    LINE_COLUMNS,
    LINE_SEARCH,
    channel_words,
    found_by_line,
    line_shown,
)
from overrides.admin.request_form import ReasonForm
from overrides.admin.weight_display import levers
from overrides.models import HoldKind, LineHold
from overrides.requests.emergency import lift_hold
from telemetry.core.vocabulary import Module
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment
from telemetry.foundation.admin.read_only import DefaultFilter, FactAdmin, one_of, person


class HoldStateFilter(DefaultFilter):
    """Limits the list to holds that are in effect, which is the default, or to those that ended."""

    title = "in effect"
    parameter_name = "stands"
    words = "holds in effect"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("no", "lifted or expired"),)

    def default(self, queryset: QuerySet[LineHold]) -> QuerySet[LineHold]:
        return queryset.filter(LineHold.is_live(datetime.now(UTC)))

    def chosen(self, queryset: QuerySet[LineHold], value: str) -> QuerySet[LineHold]:
        live = LineHold.is_live(datetime.now(UTC))
        return queryset.filter(~Q(live) if value == "no" else live)


@admin.register(LineHold)
class LineHoldAdmin(FactAdmin):
    """The list of vetoes, pins and caps."""

    nothing_yet = "A veto, a pin or a cap is placed on the page of an override or of its line."
    list_display = ("what", "levers_of", "kind_shown", "limit", "reason", "placed_by", "placed", "ends")
    list_filter = (
        HoldStateFilter,
        one_of("kind", HoldKind.values),
        one_of("line__module", Module, "module"),
        BY_CHANNEL,
        BY_METHOD,
    )
    search_fields = ("line__pattern_key",)
    search_help_text = LINE_SEARCH
    csv_fields = (
        "id", "line_id", *(f"line__{name}" for name in LINE_COLUMNS), "kind", "reason", "placed_by__username",
        "placed_at", "expires_at", "lifted_at",
    )  # fmt: skip
    list_select_related = ("line", "placed_by")
    ordering = ("-placed_at", "-id")
    sortable_by = ()
    fields = (
        ("what", "levers_of", "line_shown"),
        ("kind_shown", "limit", "placed_by", "placed", "ends", "lift"),
        "reason",
    )
    readonly_fields = ("what", "levers_of", "line_shown", "kind_shown", "limit", "placed", "ends", "lift")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.lift_view)
        return [path("<int:hold_id>/lift/", view, name="overrides_linehold_lift"), *super().get_urls()]

    def lift_view(self, request: HttpRequest, hold_id: int) -> HttpResponse:
        """Show what lifting does and ask for a reason; POST lifts the hold."""
        hold = LineHold.objects.select_related("line", "placed_by").filter(pk=hold_id).first()
        if hold is None:
            raise Http404
        refuse_others(request, self, hold, LIFT)
        way_back = reverse("admin:overrides_line_change", args=[hold.line_id])
        form = ReasonForm(request.POST if request.method == "POST" else None)

        def take(at: datetime) -> str:
            lift_hold(hold_id=hold.pk, by=person(request), reason=form.cleaned_data["reason"], at=at)
            return f"The {hold.kind} is lifted"

        response = perform(request, form, way_back, take) if form.is_valid() else None
        about = {"title": f"Lift a {hold.kind}", "line": hold.line, "hold": hold}
        about["consequences"] = lift_consequences(hold, datetime.now(UTC))
        return response or act_page(self, request, LIFT, form, about, way_back)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LineHold], search_term: str
    ) -> tuple[QuerySet[LineHold], bool]:
        return found_by_line(queryset, search_term), False

    @admin.display(description="pattern, action and scope")
    def what(self, hold: LineHold) -> SafeString:
        return line_shown(hold.line)

    @admin.display(description="levers, learning method")
    def levers_of(self, hold: LineHold) -> SafeString:
        return channel_words(hold.line.channel, hold.line.policy)

    @admin.display(description="line")
    def line_shown(self, hold: LineHold) -> SafeString:
        where = reverse("admin:overrides_line_change", args=[hold.line_id])
        return format_html('<a href="{}">{}</a>', where, hold.line_id[:12])

    @admin.display(description="kind")
    def kind_shown(self, hold: LineHold) -> SafeString:
        return badge(hold.kind)

    @admin.display(description="limit")
    def limit(self, hold: LineHold) -> SafeString:
        """Show the cap, or what the rejection was about."""
        if hold.cap:
            return levers(hold.cap)
        if hold.rejected:
            return format_html("rejected: {}", levers(hold.rejected["targets"]))
        return MISSING

    @admin.display(description="placed")
    def placed(self, hold: LineHold) -> SafeString:
        return format_moment(hold.placed_at)

    @admin.display(description="ends")
    def ends(self, hold: LineHold) -> SafeString:
        return format_moment(hold.lifted_at or hold.expires_at)

    @admin.display(description="lift")
    def lift(self, hold: LineHold) -> SafeString:
        if hold.lifted_at is not None:
            return format_html("{}", "already lifted")
        return format_html('<a href="{}">lift…</a>', reverse("admin:overrides_linehold_lift", args=[hold.pk]))
