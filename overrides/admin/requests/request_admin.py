"""Change requests: what would change, who agreed, and the buttons that decide."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from overrides.admin.requests.bulk_actions import actions
from overrides.admin.requests.edit_page import edit_page, may_edit
from overrides.admin.requests.request_page import WHAT_IF_DECISIONS, request_page
from overrides.admin.requests.step_input import chosen, given
from overrides.admin.requests.steps import PROVEN, STEPS
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import DRAFT, REVIEW
from overrides.models import ChangeRequest, RequestKind
from overrides.requests.impact.what_if import ask_what_if
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment, number
from telemetry.foundation.admin.read_only import FactAdmin, one_of, person
from telemetry.foundation.admin.reauthentication import is_proof_due, missing_proof
from telemetry.foundation.core.refusal import Refused

State = ChangeRequest.State


def unacknowledged() -> QuerySet[ChangeRequest]:
    """What took effect at once and nobody else has looked at yet."""
    return ChangeRequest.objects.filter(route=ChangeRequest.Route.AT_ONCE, acknowledged_at=None, state=State.APPLIED)


class AfterwardsFilter(admin.SimpleListFilter):
    title = "review afterwards"
    parameter_name = "afterwards"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("waiting", "waits to be acknowledged"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> QuerySet[ChangeRequest]:
        return queryset.filter(pk__in=unacknowledged().values("pk")) if self.value() == "waiting" else queryset


@admin.register(ChangeRequest)
class ChangeRequestAdmin(FactAdmin):
    nothing_yet = "The materializer drafts one a day from lessons that would change something."
    change_form_template = "overrides/requests/request.html"
    list_display = (
        "title_shown", "state_shown", "health_shown", "author_name", "lines_shown", "created", "expires",
    )  # fmt: skip
    list_filter = (
        one_of("state", State.values),
        one_of("health", ChangeRequest.Health.values),
        "module",
        one_of("kind", RequestKind.values),
        one_of("route", ChangeRequest.Route.values),
        AfterwardsFilter,
    )
    actions = ()  # those of `get_actions`: without Django's own, which would delete
    search_fields = ("title__icontains", "author_name__startswith")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        queryset: QuerySet[ChangeRequest] = super().get_queryset(request)
        parts = ChangeRequest.objects.filter(split_from=OuterRef("pk")).order_by("pk")
        return queryset.select_related("author").annotate(
            n_lines=Count("lines"), part_ids=ArraySubquery(parts.values("pk"))
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """What a reader may do with many at once."""
        return {name: each for name, each in actions().items() if request.user.has_perm(STEPS[name].permission)}

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
        edit = path(
            "<int:request_id>/edit/",
            self.admin_site.admin_view(self.edit),
            name="overrides_changerequest_edit",
        )
        what_if = path(
            "<int:request_id>/what-if/",
            require_POST(self.admin_site.admin_view(self.ask_what_if)),
            name="overrides_changerequest_what_if",
        )
        return [*steps, edit, what_if, *super().get_urls()]

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
                step.take(request_id, person(request), given(asked, request.POST), now)
            except GovernanceError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                return page
            self.message_user(request, f"{asked}: {step.name} done", messages.SUCCESS)
            return page
        context = self.admin_site.each_context(request) | {
            "title": f"{step.label}: {asked.title}",
            "opts": self.opts,
            "asked": asked,
            "step": step,
            "chosen": chosen(asked, request.POST or request.GET) if "only" in step.asks else [],
            "due": request.POST.get("due", ""),
            "seen": request.POST.get("seen") or request.GET.get("seen") or asked.content_hash,
            "way_back": page.url,
            "reason": request.POST.get("reason", ""),
            "asks_password": asks_password,
            "missing_proof": missing,
        }
        return TemplateResponse(request, "overrides/requests/step.html", context)

    def edit(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        """A form over what its author may change; POST changes it."""
        asked = self.get_object(request, str(request_id))
        if asked is None:
            raise Http404
        if not self.has_view_permission(request, asked) or not may_edit(asked, person(request)):
            raise PermissionDenied
        return edit_page(self, request, asked, datetime.now(UTC))

    def ask_what_if(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        """Have the last decisions asked again in the background; the request's page shows the answer."""
        asked = self.get_object(request, str(request_id))
        if asked is None:
            raise Http404
        may_ask = request.user.has_perm(DRAFT) or request.user.has_perm(REVIEW)
        if not self.has_view_permission(request, asked) or not may_ask:
            raise PermissionDenied
        page = reverse("admin:overrides_changerequest_change", args=[request_id])
        try:
            ask_what_if(request_id, WHAT_IF_DECISIONS, datetime.now(UTC))
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(f"{page}#what-if-title")

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_ask = request.user.has_perm(DRAFT) or request.user.has_perm(REVIEW)
        who = person(request)
        may = {"may_compute": may_ask, "may_edit": may_edit(obj, who)}
        return request_page(obj, who, datetime.now(UTC)) | may

    @admin.display(description="request", ordering="-id")
    def title_shown(self, row: ChangeRequest) -> str:
        return f"{row.pk} · {row.module} · {row.title}"

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: ChangeRequest) -> SafeString:
        return badge(row.state)

    @admin.display(description="health", ordering="health")
    def health_shown(self, row: ChangeRequest) -> SafeString:
        return badge(row.health) if row.state in ChangeRequest.OPEN else MISSING

    @admin.display(description="lines", ordering="n_lines")
    def lines_shown(self, row: Any) -> SafeString:
        return number(row.n_lines, 0)

    @admin.display(description="drafted", ordering="created_at")
    def created(self, row: ChangeRequest) -> SafeString:
        return format_moment(row.created_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, row: ChangeRequest) -> SafeString:
        return format_moment(row.expires_at if row.state in ChangeRequest.OPEN else None)
