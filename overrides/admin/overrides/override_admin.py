"""Admin of lines and of the overrides that are their revisions: what each override is worth, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.immediate_actions import (
    CAP,
    PIN,
    VETO,
    Act,
    HoldForm,
    act_page,
    hold_consequences,
    holds_on,
    may_act,
    perform,
    refuse_others,
)
from overrides.admin.line_lists import (
    BY_CHANNEL,
    BY_METHOD,
    LINE_COLUMNS,
    LINE_SEARCH,
    InForceFilter,
    channel_words,
    earned_by,
    found_by_line,
    found_lines,
    in_force,
    line_shown,
)
from overrides.admin.origins import origins_on
from overrides.admin.overrides.acts_today_list import ActsTodayFilter
from overrides.admin.overrides.cap_form import CapForm
from overrides.admin.overrides.manual_page import manual_page
from overrides.admin.overrides.override_page import mandate_on, override_page
from overrides.admin.overrides.retire_page import retire_page, retire_selected, veto_effect
from overrides.admin.weight_display import Weights, levers
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.core.governance.permissions import DRAFT, LOWER
from overrides.models import Line, Membership, Override
from overrides.requests.emergency import cap_line, pin_line, veto_line
from telemetry.core.vocabulary import ActionCategory, Module
from telemetry.foundation.admin.formatting import badge, chips, format_moment, number, pattern, short
from telemetry.foundation.admin.pagination import CompletedList, FactList
from telemetry.foundation.admin.read_only import FactAdmin, FactInline, one_of, person
from telemetry.models import MODULES, AttributionShare

PLACES: Mapping[str, Callable[..., object]] = {"veto": veto_line, "pin": pin_line, "cap": cap_line}


class RevisionInline(FactInline):
    """The overrides of a line, listed on the line's page."""

    model = Override
    fields = ("revision", "edge", "n_shown", "targets", "source", "made")
    readonly_fields = fields
    ordering = ("-created_at",)
    verbose_name_plural = "its overrides, newest first"

    @admin.display(description="override")
    def revision(self, override: Override) -> SafeString:
        where = reverse("admin:overrides_override_change", args=[override.pk])
        return format_html('<a href="{}">{}</a>', where, short(override.pk))

    @admin.display(description="edge")
    def edge(self, override: Override) -> SafeString:
        return number(override.edge_raw, 3, signed=True, unit="R")

    @admin.display(description="trades")
    def n_shown(self, override: Override) -> SafeString:
        return number(override.n, 0)

    @admin.display(description="lever targets")
    def targets(self, override: Override) -> SafeString:
        return levers(override.levers)

    @admin.display(description="created")
    def made(self, override: Override) -> SafeString:
        return format_moment(override.created_at)


@admin.register(Line)
class LineAdmin(FactAdmin):
    """The list and the pages of lines."""

    nothing_yet = "The materializer draws them up from lessons, once enough trades have closed."
    list_display = ("what", "scope_shown", "levers_of", "state", "created")
    list_filter = (
        "module",
        one_of("channel", Channel, "levers"),
        one_of("policy", LearningMethod, "learning method"),
        one_of("action_category", ActionCategory, "action"),
    )
    search_fields = ("pattern_key",)
    search_help_text = LINE_SEARCH
    csv_fields = ("id", *LINE_COLUMNS, "is_in_force", "created_at")
    ordering = ("module", "pattern_key", "action_category", "id")
    sortable_by = ()
    fields = (("what", "scope_shown"), ("channel", "policy", "state"), ("created", "identity"))
    readonly_fields = ("what", "scope_shown", "state", "created", "identity")
    inlines = (RevisionInline,)
    change_form_template = "overrides/overrides/line.html"

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"<str:line_id>/{act.name}/",
                self.admin_site.admin_view(self.hold),
                {"act": act},
                name=f"overrides_line_{act.name}",
            )
            for act in (VETO, PIN, CAP)
        ]
        by_hand = path("by-hand/<str:module>/", self.admin_site.admin_view(self.by_hand), name="overrides_line_by_hand")
        return [*acts, by_hand, *super().get_urls()]

    def by_hand(self, request: HttpRequest, module: str) -> HttpResponse:
        """Show the form of a manual override; POST previews it, or drafts the request that adds it."""
        if module not in dict(MODULES):
            raise Http404
        if not self.has_view_permission(request) or not request.user.has_perm(DRAFT):
            raise PermissionDenied
        return manual_page(self, request, module)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        now, origins = datetime.now(UTC), origins_on(obj.pk)
        return {
            "line": obj,
            "holds": holds_on(obj.pk, now),
            "standing": next((each.override_id for each in origins if each.is_in_force), None),
            "origins": origins,
            "mandate": mandate_on(obj.pk, now),
            "earned": AttributionShare.objects.filter(line_id=obj.pk).aggregate(
                total=Sum("share"), trades=Count("attribution", distinct=True)
            ),
            **may_act(request),
        }

    def hold(self, request: HttpRequest, line_id: str, act: Act) -> HttpResponse:
        """Show what a veto, a pin or a cap does and ask for reason and end; POST places it."""
        line = Line.objects.filter(pk=line_id).first()
        if line is None:
            raise Http404
        refuse_others(request, self, line, act)
        way_back = reverse("admin:overrides_line_change", args=[line_id])
        form = (CapForm if act is CAP else HoldForm)(request.POST if request.method == "POST" else None)

        def take(at: datetime) -> str:
            fields = {
                name: value for name, value in form.cleaned_data.items() if name in ("reason", "expires_at", "cap")
            }
            PLACES[act.name](line_id=line_id, by=person(request), at=at, **fields)
            return f"The {act.name} stands"

        response = perform(request, form, way_back, take) if form.is_valid() else None
        about = {"title": f"{act.label} a line", "line": line} | (veto_effect(line) if act is VETO else {})
        about["consequences"] = hold_consequences(act.name, line, datetime.now(UTC))
        return response or act_page(self, request, act, form, about, way_back)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Line], search_term: str
    ) -> tuple[QuerySet[Line], bool]:
        return found_lines(queryset, search_term), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Line]:
        open_now = Membership.objects.filter(line=OuterRef("pk"), to_version=None)
        queryset: QuerySet[Line] = super().get_queryset(request).annotate(is_in_force=Exists(open_now))
        return queryset

    @admin.display(description="pattern and action", ordering="pattern_key")
    def what(self, line: Line) -> SafeString:
        return pattern(line.pattern_key, line.action_category)

    @admin.display(description="scope")
    def scope_shown(self, line: Line) -> SafeString:
        return chips(line.scope)

    @admin.display(description="levers, learning method")
    def levers_of(self, line: Line) -> SafeString:
        return channel_words(line.channel, line.policy)

    @admin.display(description="state")
    def state(self, line: Any) -> SafeString:
        return badge("in force") if line.is_in_force else badge("withdrawn", "not in force")

    @admin.display(description="first seen", ordering="created_at")
    def created(self, line: Line) -> SafeString:
        return format_moment(line.created_at)

    @admin.display(description="id")
    def identity(self, line: Line) -> SafeString:
        return short(line.pk, 24)


class OverrideList(CompletedList):
    """Adds to each row `earned`, what it earned in closed trades, with one query per page."""

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        earned = earned_by([row.pk for row in rows], [row.line_id for row in rows])
        for row in rows:
            row.earned = earned.get(row.pk)


@admin.register(Override)
class OverrideAdmin(FactAdmin):
    """The list and the pages of overrides."""

    nothing_yet = "They come with change requests, which the materializer drafts from lessons once a day."
    actions = ()  # see `get_actions`
    change_form_template = "overrides/overrides/override.html"
    list_filter = (
        InForceFilter,
        ActsTodayFilter,
        one_of("line__module", Module, "module"),
        BY_CHANNEL,
        BY_METHOD,
        one_of("line__action_category", ActionCategory, "action"),
        one_of("source", ("lesson", "person")),
    )
    sortable_by = ("edge", "n_shown")
    search_fields = ("line__pattern_key",)
    search_help_text = LINE_SEARCH
    csv_fields = (
        "id", "line_id", *(f"line__{name}" for name in LINE_COLUMNS), "edge_raw", "n", "variance", "half_life_days",
        "updated_at", "levers", "source", "created_at", "is_in_force",
    )  # fmt: skip
    csv_computed = ("weight", "minimum_weight", "earned")
    list_select_related = ("line",)
    list_display_links = ("what",)
    ordering = ("-created_at", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        queryset: QuerySet[Override] = super().get_queryset(request)
        return queryset.select_related("line").annotate(is_in_force=in_force())

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return OverrideList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Override], search_term: str
    ) -> tuple[QuerySet[Override], bool]:
        return found_by_line(queryset, search_term), False

    def computed(self, rows: list[Any]) -> Iterator[dict[str, Any]]:
        weights, earned = Weights(datetime.now(UTC)), earned_by([row.pk for row in rows], [row.line_id for row in rows])
        for row in rows:
            weighing = weights.of(row)
            yield {"weight": weighing.total, "minimum_weight": weighing.floor, "earned": earned.get(row.pk, 0.0)}

    def get_list_display(self, request: HttpRequest) -> tuple[str | Callable[..., Any], ...]:
        weights = Weights(datetime.now(UTC))

        @admin.display(description="weight; in force, acts today")
        def weight(override: Any) -> SafeString:
            if not override.is_in_force:
                return badge("withdrawn", "not in force")
            return format_html(
                "{}<div>{} {}</div>", weights.bar(override), badge("in force"), weights.acts_today(override)
            )

        return ("what", "levers_of", "targets", "edge", "n_shown", weight, "earned")

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        in_force = obj.pk if obj.is_in_force else None
        held = {"holds": holds_on(obj.line_id, now), "standing": in_force}
        return override_page(obj, now) | held | may_act(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {"retire": (retire_selected, "retire", "Retire the ticked…")} if request.user.has_perm(LOWER) else {}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retire)
        return [path("<str:override_id>/retire/", view, name="overrides_override_retire"), *super().get_urls()]

    def retire(self, request: HttpRequest, override_id: str) -> HttpResponse:
        """Show what retiring does to exposure and ask for a reason; POST retires the line."""
        found = Override.objects.filter(in_force(), pk=override_id).select_related("line")
        way_back = reverse("admin:overrides_override_change", args=[override_id])
        return retire_page(self, request, list(found), way_back)

    @admin.display(description="pattern, action and scope")
    def what(self, override: Override) -> SafeString:
        return line_shown(override.line)

    @admin.display(description="levers, learning method")
    def levers_of(self, override: Override) -> SafeString:
        return channel_words(override.line.channel, override.line.policy)

    @admin.display(description="earned")
    def earned(self, override: Any) -> SafeString:
        return number(override.earned, 4, signed=True, unit="R")

    @admin.display(description="lever targets")
    def targets(self, override: Override) -> SafeString:
        return levers(override.levers)

    @admin.display(description="edge", ordering="edge_raw")
    def edge(self, override: Override) -> SafeString:
        return number(override.edge_raw, 3, signed=True, unit="R")

    @admin.display(description="trades", ordering="n")
    def n_shown(self, override: Override) -> SafeString:
        return number(override.n, 0)
