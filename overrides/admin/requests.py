"""Change requests: what would change, who agreed, and the buttons that decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from overrides.admin.request_content import content_page
from overrides.admin.steps import PROVEN, STEPS, Offer, offers
from overrides.admin.weights import Weights, levers
from overrides.core.levers import LEVERS
from overrides.gates import Refusal
from overrides.load import active_version, parameters_in
from overrides.models import ChangeLine, ChangeRequest
from overrides.publish import CannotPublish
from telemetry.admin.display import badge, moment, number
from telemetry.admin.facts import FactAdmin, one_of, person
from telemetry.admin.identity import is_proof_due, missing_proof

MOST_LINES = 200
State = ChangeRequest.State


@dataclass(frozen=True)
class LineRow:
    """One changed line as the page shows it; `moves` is its largest distance moved, in units from neutral."""

    change: ChangeLine
    levers: SafeString
    weight: SafeString | None
    moves: float


@admin.register(ChangeRequest)
class ChangeRequestAdmin(FactAdmin):
    nothing_yet = "The materializer drafts one a day from lessons that would change something."
    change_form_template = "overrides/request.html"
    list_display = ("title_shown", "kind", "state_shown", "author_name", "lines_shown", "created", "expires")
    list_filter = (one_of("state", State.values), "module", one_of("kind", ChangeRequest.Kind.values))
    search_fields = ("title__icontains", "author_name__startswith")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        queryset: QuerySet[ChangeRequest] = super().get_queryset(request)
        return queryset.select_related("author").annotate(n_lines=Count("lines"))

    def get_urls(self) -> list[URLPattern]:
        steps = [
            path(
                f"<int:request_id>/{name}/",
                self.admin_site.admin_view(self.decide),
                {"name": name},
                name=f"overrides_changerequest_{name}",
            )
            for name in STEPS
        ]
        return [*steps, *super().get_urls()]

    def decide(self, request: HttpRequest, request_id: int, name: str) -> HttpResponseBase:
        """A page that says what the step does and asks why; POST takes the step."""
        asked = self.get_object(request, str(request_id))
        if asked is None:
            raise Http404
        step, now = STEPS[name], datetime.now(UTC)
        if not self.has_view_permission(request, asked) or not request.user.has_perm(step.permission):
            raise PermissionDenied
        page = HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[request_id]))
        asks_password = name in PROVEN and is_proof_due(request, now)
        missing = missing_proof(request, now) if asks_password and request.method == "POST" else ""
        if request.method == "POST" and not missing:
            try:
                step.take(request_id, person(request), request.POST.get("reason", ""), now)
            except (Refusal, CannotPublish) as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                return page
            self.message_user(request, f"{asked}: {step.name} done", messages.SUCCESS)
            return page
        context = self.admin_site.each_context(request) | {
            "title": f"{step.label}: {asked.title}",
            "opts": self.opts,
            "asked": asked,
            "step": step,
            "way_back": page.url,
            "reason": request.POST.get("reason", ""),
            "asks_password": asks_password,
            "missing_proof": missing,
        }
        return TemplateResponse(request, "overrides/decide.html", context)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        version = active_version(obj.module)
        rows = _line_rows(obj, Weights(now, {obj.module: parameters_in(obj.module, version)}))
        buttons: Sequence[Offer] = offers(obj, person(request), now)
        return {
            "asked": obj,
            "rows": rows[:MOST_LINES],
            "n_hidden": max(len(rows) - MOST_LINES, 0),
            "votes": obj.votes.select_related("voter").order_by("voted_at"),
            "offers": buttons,
        } | content_page(obj, version)

    @admin.display(description="request", ordering="-id")
    def title_shown(self, row: ChangeRequest) -> str:
        return f"{row.pk} · {row.module} · {row.title}"

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: ChangeRequest) -> SafeString:
        return badge(row.state)

    @admin.display(description="lines", ordering="n_lines")
    def lines_shown(self, row: Any) -> SafeString:
        return number(row.n_lines, 0)

    @admin.display(description="drafted", ordering="created_at")
    def created(self, row: ChangeRequest) -> SafeString:
        return moment(row.created_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, row: ChangeRequest) -> SafeString:
        return moment(row.expires_at if row.state in ChangeRequest.OPEN else None)


def _line_rows(request: ChangeRequest, weights: Weights) -> list[LineRow]:
    """The request's lines, what moves most first."""
    changes = request.lines.select_related("line", "before", "after__line")
    rows = [_line_row(change, weights) for change in changes]
    return sorted(rows, key=lambda row: (-row.moves, row.change.line_id))


def _line_row(change: ChangeLine, weights: Weights) -> LineRow:
    before = change.before.levers if change.before else {}
    after = change.after.levers if change.after else {}
    moves = max((abs(_unit(name, after) - _unit(name, before)) for name in before.keys() | after.keys()), default=0.0)
    weight = weights.bar(change.after) if change.after else None
    return LineRow(change, levers(after, before), weight, moves)


def _unit(name: str, values: dict[str, float]) -> float:
    return LEVERS[name].unit(values[name]) if name in values else 0.0
