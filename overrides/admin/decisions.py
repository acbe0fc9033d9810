"""Decisions: what was asked, what was served, who moved it, what became of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from overrides.admin.weights import levers
from overrides.core.vocabulary import Reason
from telemetry.admin.display import MISSING, badge, chips, moment, pattern
from telemetry.admin.facts import FactAdmin, one_of
from telemetry.models import AttributionShare, Decision, DecisionOutcome


@admin.register(Decision)
class DecisionAdmin(FactAdmin):
    nothing_yet = "Each answer to a bot that asks for its levers is one; a module that is off answers too."
    change_form_template = "overrides/decision.html"
    list_display = ("asked_at", "what", "scope_shown", "moved", "reason_shown", "mode_shown", "version")
    list_display_links = ("asked_at", "what")
    list_filter = (
        "module",
        "action_category",
        one_of("reason", [reason.value for reason in Reason]),
        one_of("mode", ("on", "shadow", "off")),
        ("at", admin.DateFieldListFilter),
    )
    search_fields = ("pattern_key",)
    search_help_text = "a decision's whole id, or a pattern from its beginning"
    ordering = ("-decision_id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Decision], search_term: str
    ) -> tuple[QuerySet[Decision], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(decision_id=UUID(term)), False
        except ValueError:
            return queryset.filter(pattern_key__startswith=term), False

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "decision": obj,
            "outcomes": DecisionOutcome.objects.filter(decision_id=obj.pk).select_related("trade"),
            "shares": AttributionShare.objects.filter(decision_id=obj.pk).order_by("lever", "-share"),
        }

    @admin.display(description="at", ordering="decision_id")
    def asked_at(self, decision: Decision) -> SafeString:
        return moment(decision.at)

    @admin.display(description="pattern and action", ordering="pattern_key")
    def what(self, decision: Decision) -> SafeString:
        return pattern(decision.pattern_key, decision.action_category)

    @admin.display(description="scope")
    def scope_shown(self, decision: Decision) -> SafeString:
        return chips(decision.scope)

    @admin.display(description="moved")
    def moved(self, decision: Decision) -> SafeString:
        served = {name: each["served"] for name, each in decision.levers.items() if "target" in each}
        return levers(served) if served else MISSING

    @admin.display(description="reason")
    def reason_shown(self, decision: Decision) -> SafeString:
        return badge(decision.reason, decision.reason.replace("_", " ").lower())

    @admin.display(description="mode")
    def mode_shown(self, decision: Decision) -> SafeString:
        return badge(decision.mode)
