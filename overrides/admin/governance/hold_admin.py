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
from overrides.admin.request_form import ReasonForm
from overrides.admin.weight_display import levers
from overrides.models import HoldKind, LineHold
from overrides.requests.emergency import lift_hold
from telemetry.foundation.admin.formatting import MISSING, badge, chips, format_moment, pattern
from telemetry.foundation.admin.read_only import FactAdmin, one_of, person


class HoldStateFilter(admin.SimpleListFilter):
    """Limits the list to holds that are in effect, or to those that ended."""

    title = "stands"
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("yes", "stands"), ("no", "lifted or expired"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[LineHold]) -> QuerySet[LineHold]:
        live = LineHold.is_live(datetime.now(UTC))
        condition = {"yes": live, "no": ~Q(live)}.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


@admin.register(LineHold)
class LineHoldAdmin(FactAdmin):
    """The list of vetoes, pins and caps."""

    nothing_yet = "A veto, a pin or a cap is placed on the page of an override or of its line."
    list_display = ("what", "scope_shown", "kind_shown", "limit", "reason", "placed_by", "placed", "ends")
    list_filter = (one_of("kind", HoldKind.values), HoldStateFilter, "line__module")
    search_fields = ("line__pattern_key__startswith",)
    list_select_related = ("line", "placed_by")
    ordering = ("-placed_at", "-id")
    sortable_by = ()
    fields = (
        ("what", "scope_shown", "line_shown"),
        ("kind_shown", "limit", "placed_by", "placed", "ends", "lift"),
        "reason",
    )
    readonly_fields = ("what", "scope_shown", "line_shown", "kind_shown", "limit", "placed", "ends", "lift")

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

    @admin.display(description="pattern and action")
    def what(self, hold: LineHold) -> SafeString:
        return pattern(hold.line.pattern_key, hold.line.action_category)

    @admin.display(description="scope")
    def scope_shown(self, hold: LineHold) -> SafeString:
        return chips(hold.line.scope)

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

    @admin.display(description="to lift it")
    def lift(self, hold: LineHold) -> SafeString:
        if hold.lifted_at is not None:
            return format_html("{}", "lifted already")
        return format_html('<a href="{}">lift…</a>', reverse("admin:overrides_linehold_lift", args=[hold.pk]))
