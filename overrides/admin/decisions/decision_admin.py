"""Admin of decisions: what was requested, what was served, which overrides moved it, and what the trade made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from overrides.admin.decisions.decision_page import decision_page
from overrides.admin.decisions.decision_rows import DecisionList, mover_shown
from overrides.admin.decisions.decision_search import found_decisions, moved_by
from overrides.core.engine.definitions.vocabulary import Reason
from overrides.monitoring.scoring.contributions import CONTRIBUTION_COLUMNS, contribution_rows
from overrides.serving.clients.local_decisions import EVALUATED_BY
from telemetry.core.vocabulary import ActionCategory, Module, read_pattern_key
from telemetry.decisions.retirement import retired_by
from telemetry.foundation.admin.formatting import MISSING, badge, chips, format_moment, number, pattern
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.admin.text_filters import key_filter, read_number, typed_filter, window
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.foundation.core.fields import matching
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.models import Decision

ABOUT_NOW = timedelta(minutes=1)
MOST_EXPORTED = 50_000  # decisions; `./dev manage export contributions` has no such limit
MOVING = (Reason.SINGLE.value, Reason.COMBINED.value)


class MovedFilter(admin.SimpleListFilter):
    """Limits the list to decisions that an override moved."""

    title = "moved"
    parameter_name = "moved"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("yes", "moved by an override"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        return queryset.filter(reason__in=MOVING) if self.value() == "yes" else queryset


@admin.register(Decision)
class DecisionAdmin(FactAdmin):
    """The list and the pages of served decisions, and their contributions as CSV."""

    nothing_yet = "Each answer to a bot that asks for its levers is one; a module that is off answers too."
    change_list_template = "overrides/decisions/decision_list.html"
    change_form_template = "overrides/decisions/decision.html"
    list_display = ("answered_at", "what", "scope_shown", "moved", "reason_shown", "version_shown", "outcome")
    list_display_links = ("answered_at", "what")
    list_filter = (
        MovedFilter,
        one_of("module", Module),
        one_of("action_category", ActionCategory, "action"),
        one_of("reason", Reason),
        one_of("mode", ("on", "shadow", "off")),
        *window("at", "time asked for"),
        typed_filter(
            "pattern", "pattern", "family.state.motif", read_pattern_key, lambda rows, key: rows.filter(pattern_key=key)
        ),
        typed_filter(
            "version", "version", "a version's number", read_number, lambda rows, n: rows.filter(version=n)
        ),
        typed_filter(
            "moved_by", "override or line", "64 digits", matching("[0-9a-f]{64}", "the whole id, 64 digits"), moved_by
        ),
        key_filter("key"),
    )  # fmt: skip
    search_fields = ("pattern_key",)
    search_help_text = "a decision's whole id, or any part of a pattern or of a scope value (of the newest 50,000)"
    sortable_by = ("answered_at",)
    csv_fields = (
        "decision_id", "at", "module", "pattern_key", "action_category", "scope", "version", "combiner", "mode",
        "reason", "flags", "levers", "latency_us",
    )  # fmt: skip
    ordering = ("-decision_id",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Order by id, which is by time of the answer; with a time filter by `at`, whose index then serves."""
        has_window = request.GET.keys() & {"since", "until"}
        return ("-at", "-decision_id") if has_window else ("-decision_id",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DecisionList]:
        return DecisionList

    def get_urls(self) -> list[URLPattern]:
        export = path("contributions.csv", self.admin_site.admin_view(self.export), name="telemetry_decision_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Stream the contributions to the listed decisions as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = contribution_rows(self.get_changelist_instance(request).queryset, most=MOST_EXPORTED)
        response = StreamingHttpResponse(csv_lines(CONTRIBUTION_COLUMNS, rows), content_type="text/csv; charset=utf-8")
        name = f"contributions-of-newest-{MOST_EXPORTED}-decisions.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        export = {"export_query": request.GET.urlencode(), "most_exported": MOST_EXPORTED}
        return super().changelist_view(request, export | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Decision], search_term: str
    ) -> tuple[QuerySet[Decision], bool]:
        return found_decisions(queryset, search_term), False

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponseRedirect:  # Django's only hook for the message about a missing row
        """Say of a retired decision which policy retired it."""
        try:
            why = retired_by(UUID(unquote(object_id)))
        except ValueError:
            why = None
        if why is None:
            found: HttpResponseRedirect = super()._get_obj_does_not_exist_redirect(  # type: ignore[misc]  # private
                request, opts, object_id
            )
            return found
        self.message_user(request, f"{why[0].upper()}{why[1:]}.", messages.WARNING)
        return HttpResponseRedirect(reverse("admin:telemetry_decision_changelist"))

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return decision_page(obj)

    @admin.display(description="answered", ordering="decision_id")
    def answered_at(self, decision: Decision) -> SafeString:
        """Format the time of the answer, by which the list is ordered.

        Below it stand the time that was asked for, if another, and the local client that answered, if one did.
        """
        answered, notes = uuid7_time(decision.decision_id), []
        if abs(answered - decision.at) >= ABOUT_NOW:
            notes.append(format_html("as of {}", format_moment(decision.at)))
        if client := decision.request.get(EVALUATED_BY):
            notes.append(format_html("by local client {}", client))
        small = format_html_join("", '<div class="cw-quiet cw-small">{}</div>', ((note,) for note in notes))
        return format_html("{}{}", format_moment(answered), small)

    @admin.display(description="pattern and action")
    def what(self, decision: Decision) -> SafeString:
        return pattern(decision.pattern_key, decision.action_category)

    @admin.display(description="scope")
    def scope_shown(self, decision: Decision) -> SafeString:
        return chips(decision.scope)

    @admin.display(description="moved by")
    def moved(self, decision: Any) -> SafeString:
        shown = format_html_join("", "{}", ((mover_shown(*each),) for each in decision.movers))
        return shown or MISSING

    @admin.display(description="reason")
    def reason_shown(self, decision: Decision) -> SafeString:
        reason = badge(decision.reason)
        return reason if decision.mode == "on" else format_html("{} {}", reason, badge(decision.mode))

    @admin.display(description="version")
    def version_shown(self, decision: Decision) -> SafeString | str:
        return MISSING if decision.version is None else f"{decision.module} {decision.version}"

    @admin.display(description="trade outcome")
    def outcome(self, decision: Any) -> SafeString:
        if decision.named_by is None:
            return MISSING
        where = reverse("admin:telemetry_trade_change", args=[decision.named_by.trade_id])
        return format_html('<a href="{}">{}</a>', where, number(decision.named_by.rr, 3, signed=True, unit="R"))
