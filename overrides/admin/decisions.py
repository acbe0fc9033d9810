"""Decisions: what was asked, what was served, who moved it, what became of it."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from overrides.admin.decision_export import csv_lines
from overrides.admin.decision_page import decision_page
from overrides.admin.decision_rows import Became, cut_cell, parts_cell, served_cell
from overrides.admin.decision_search import LOOKED_THROUGH, DecisionSearch
from telemetry.admin.display import badge, chips, moment, pattern
from telemetry.admin.facts import FactAdmin
from telemetry.models import Decision

FILE_NAME = "decisions.csv"


class Searched(admin.ListFilter):
    """The form above the list: all fields at once, as one filter of Django's list."""

    title = "search"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Decision], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.given = {name: params.pop(name)[-1] for name in DecisionSearch.base_fields if name in params}
        self.form = DecisionSearch(self.given)
        self.looks_back_to = self.form.looks_back_to()

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        return []

    def expected_parameters(self) -> list[str]:
        return list(DecisionSearch.base_fields)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        rows = self.form.rows(queryset)
        return rows if self.looks_back_to is None else rows.filter(at__gt=self.looks_back_to)

    @property
    def further_back(self) -> str:
        """The query string of the same search before what this one looked through."""
        assert self.looks_back_to is not None
        until = self.looks_back_to.astimezone(UTC).isoformat(timespec="microseconds")
        return "?" + urlencode(self.given | {"until": until})

    @property
    def query(self) -> str:
        return urlencode(self.given)


class DecisionList(ChangeList):
    """Django's list, with what became of the decisions on its page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.search: Searched = self.filter_specs[0]
        self.looked_through = f"among the newest {LOOKED_THROUGH:,}" if self.search.looks_back_to else ""
        became = Became(decision.pk for decision in self.result_list)
        for decision in self.result_list:
            decision.became = became


@admin.register(Decision)
class DecisionAdmin(FactAdmin):
    change_list_template = "overrides/decisions.html"
    change_form_template = "overrides/decision.html"
    list_display = ("asked_at", "what", "served", "parts", "cut", "outcome", "share")
    list_filter = (Searched,)
    sortable_by = ()
    ordering = ("-at", "-decision_id")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DecisionList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        queryset: QuerySet[Decision] = super().get_queryset(request)
        return queryset.defer("request", "excluded", "challenger", "effect")

    def get_urls(self) -> list[URLPattern]:
        export = path("export/", self.admin_site.admin_view(self.export), name="telemetry_decision_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The search as CSV: all that it finds, however far back."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = DecisionSearch(request.GET).rows(Decision.objects.order_by("-at", "-decision_id"))
        disposition = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
        return StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8", headers=disposition)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return decision_page(obj)

    @admin.display(description="at")
    def asked_at(self, decision: Any) -> SafeString:
        return moment(decision.at)

    @admin.display(description="what was asked")
    def what(self, decision: Any) -> SafeString:
        asked = pattern(decision.pattern_key, decision.action_category)
        return asked + badge(decision.reason, decision.reason.replace("_", " ").lower()) + chips(decision.scope)

    @admin.display(description="served")
    def served(self, decision: Any) -> SafeString:
        return served_cell(decision)

    @admin.display(description="parts of its overrides")
    def parts(self, decision: Any) -> SafeString:
        return parts_cell(decision)

    @admin.display(description="cut")
    def cut(self, decision: Any) -> SafeString:
        return cut_cell(decision)

    @admin.display(description="trade")
    def outcome(self, decision: Any) -> SafeString:
        return decision.became.outcome_cell(decision.pk)  # type: ignore[no-any-return]  # set by the list

    @admin.display(description="share")
    def share(self, decision: Any) -> SafeString:
        return decision.became.share_cell(decision.pk)  # type: ignore[no-any-return]  # set by the list
