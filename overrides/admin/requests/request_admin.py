"""Admin of change requests: what would change, who approved it, and the buttons that decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from overrides.admin.requests.brought_version import brought_version
from overrides.admin.requests.bulk_actions import actions
from overrides.admin.requests.consequences import consequences
from overrides.admin.requests.edit_page import edit_page, may_edit
from overrides.admin.requests.outcomes import done
from overrides.admin.requests.redraft_page import redraft_page
from overrides.admin.requests.request_list import RequestList, StateFilter, effect_shown, found_requests, progress_of
from overrides.admin.requests.request_page import request_page
from overrides.admin.requests.signing import Signing, signing_of
from overrides.admin.requests.step_input import chosen_lines, read_step_input
from overrides.admin.requests.steps import PROOF_STEPS, REDRAFT, STEPS
from overrides.admin.requests.stored_evidence import evidence_rows
from overrides.admin.requests.who_may_act import next_waiting
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import DRAFT, REVIEW
from overrides.models import ChangeLine, ChangeRequest, Mandate, RequestKind
from overrides.requests.governance_store import policy_of
from overrides.requests.impact.what_if import request_effect
from overrides.requests.renewal import suspended_at
from overrides.versions.load_version import current_parameters
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment, in_words, number
from telemetry.foundation.admin.pagination import FactList
from telemetry.foundation.admin.read_only import FactAdmin, one_of, person
from telemetry.foundation.admin.reauthentication import is_proof_due, missing_proof
from telemetry.foundation.core.refusal import Refused

State = ChangeRequest.State


def unacknowledged() -> QuerySet[ChangeRequest]:
    """Return the emergency actions that nobody has acknowledged yet."""
    return ChangeRequest.objects.filter(route=ChangeRequest.Route.AT_ONCE, acknowledged_at=None, state=State.APPLIED)


PAGE = "overrides_changerequest_change"
SIGNING_STEPS = ("approve", "apply", "schedule")  # whose pages say which mandates come with them


class AfterwardsFilter(admin.SimpleListFilter):
    """Limits the list to emergency actions that wait to be acknowledged."""

    title = "review afterwards"
    parameter_name = "afterwards"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("waiting", "waits to be acknowledged"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> QuerySet[ChangeRequest]:
        return queryset.filter(pk__in=unacknowledged().values("pk")) if self.value() == "waiting" else queryset


class MandatesFilter(admin.SimpleListFilter):
    """Limits the list to applied requests whose mandates are suspended until somebody signs again."""

    title = "mandates"
    parameter_name = "mandates"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("suspended", "suspended"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> QuerySet[ChangeRequest]:
        if self.value() != "suspended":
            return queryset
        found = Mandate.objects.filter(suspended_at(datetime.now(UTC)))
        return queryset.filter(pk__in=found.values("request"))


@admin.register(ChangeRequest)
class ChangeRequestAdmin(FactAdmin):
    """The list and the pages of change requests, and the steps that can be taken on them."""

    nothing_yet = "The materializer drafts one a day from lessons that would change something."
    change_form_template = "overrides/requests/request.html"
    list_display = ("title_shown", "state_shown", "size", "effect", "approvals", "who", "created")
    list_filter = (
        StateFilter,
        one_of("health", ChangeRequest.Health.values),
        "module",
        one_of("kind", RequestKind.values),
        one_of("route", ChangeRequest.Route.values),
        AfterwardsFilter,
        MandatesFilter,
    )
    actions = ()  # see `get_actions`; Django's own action would delete
    search_fields = ("title",)
    search_help_text = (
        "a request's number, or any part of its title, reason, author, or of a pattern or scope value in it"
    )
    csv_fields = (
        "id", "module", "kind", "title", "state", "health", "route", "author_name", "reason", "n_lines", "movement",
        "created_at", "submitted_at", "expires_at", "scheduled_for", "closed_at",
    )  # fmt: skip
    csv_computed = ("approvals", "approvals_needed", "exposure_percent", "exposure_low", "exposure_high")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        queryset: QuerySet[ChangeRequest] = super().get_queryset(request)
        parts = ChangeRequest.objects.filter(split_from=OuterRef("pk")).order_by("pk")
        lines = ChangeLine.objects.filter(request=OuterRef("pk")).order_by().values("request")
        counted = lines.annotate(n=Count("pk")).values("n")
        annotated = queryset.select_related("author").annotate(
            n_lines=Coalesce(Subquery(counted), 0), part_ids=ArraySubquery(parts.values("pk"))
        )
        is_page = request.resolver_match is not None and request.resolver_match.url_name == PAGE
        if not is_page:
            return annotated
        return annotated.annotate(evidence_rows=evidence_rows(request.user), brought=brought_version())

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return RequestList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChangeRequest], search_term: str
    ) -> tuple[QuerySet[ChangeRequest], bool]:
        return found_requests(queryset, search_term), False

    def computed(self, rows: list[Any]) -> Iterator[dict[str, Any]]:
        for each in progress_of(rows, AnonymousUser(), datetime.now(UTC)):
            percent, low, high = (each.effect.percent, each.effect.low, each.effect.high) if each.effect else [None] * 3
            exposed = {"exposure_percent": percent, "exposure_low": low, "exposure_high": high}
            yield {"approvals": each.approvals, "approvals_needed": each.needed} | exposed

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions that this user may take on several requests at once."""
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
            require_POST(self.admin_site.admin_view(self.request_what_if)),
            name="overrides_changerequest_what_if",
        )
        after = path(
            "<int:request_id>/next/",
            self.admin_site.admin_view(self.next),
            name="overrides_changerequest_next",
        )
        return [*steps, edit, what_if, after, *super().get_urls()]

    def next(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        """Lead to the next request that waits for this reviewer's vote, or to the list if none does."""
        change_request = self.get_object(request, str(request_id))
        if change_request is None:
            raise Http404
        if not self.has_view_permission(request, change_request) or not request.user.has_perm(REVIEW):
            raise PermissionDenied
        waiting = next_waiting(change_request, person(request))
        if waiting is None:
            self.message_user(request, "No other request waits for your vote", messages.INFO)
            return HttpResponseRedirect(reverse("admin:overrides_changerequest_changelist"))
        return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[waiting.pk]))

    def decide(self, request: HttpRequest, request_id: int, name: str) -> HttpResponseBase:
        """Show what the step does and ask for a reason; POST takes the step."""
        change_request = self.get_object(request, str(request_id))
        if change_request is None:
            raise Http404
        step, now = STEPS[name], datetime.now(UTC)
        if not self.has_view_permission(request, change_request) or not request.user.has_perm(step.permission):
            raise PermissionDenied
        if name == REDRAFT:
            return redraft_page(self, request, change_request, now)
        page = HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[request_id]))
        needs_password = name in PROOF_STEPS and is_proof_due(request, now)
        missing = missing_proof(request, now) if needs_password and request.method == "POST" else ""
        if request.method == "POST" and not missing:
            try:
                step.take(request_id, person(request), read_step_input(change_request, request.POST), now)
            except GovernanceError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                return page
            self.message_user(request, done(step.name, change_request), messages.SUCCESS)
            return page
        context = self.admin_site.each_context(request) | {
            "title": f"{step.label}: {change_request.title}",
            "opts": self.opts,
            "asked": change_request,
            "step": step,
            "consequences": consequences(name, change_request, now),
            "chosen": chosen_lines(change_request, request.POST or request.GET) if "only" in step.extra_fields else [],
            "due": request.POST.get("due", ""),
            "seen": request.POST.get("seen") or request.GET.get("seen") or change_request.content_hash,
            "signing": _signing(change_request, request) if name in SIGNING_STEPS else None,
            "way_back": page.url,
            "reason": request.POST.get("reason", ""),
            "asks_password": needs_password,
            "missing_proof": missing,
        }
        return TemplateResponse(request, "overrides/requests/step.html", context)

    def edit(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        """Show a form over what its author may change; POST changes it."""
        change_request = self.get_object(request, str(request_id))
        if change_request is None:
            raise Http404
        if not self.has_view_permission(request, change_request) or not may_edit(change_request, person(request)):
            raise PermissionDenied
        return edit_page(self, request, change_request, datetime.now(UTC))

    def request_what_if(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        """Request a what-if over the last decisions; the page of the request shows it once it is computed."""
        change_request = self.get_object(request, str(request_id))
        if change_request is None:
            raise Http404
        may_ask = request.user.has_perm(DRAFT) or request.user.has_perm(REVIEW)
        if not self.has_view_permission(request, change_request) or not may_ask:
            raise PermissionDenied
        page = reverse("admin:overrides_changerequest_change", args=[request_id])
        try:
            request_effect(request_id, datetime.now(UTC))
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(f"{page}#what-if-title")

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_ask = request.user.has_perm(DRAFT) or request.user.has_perm(REVIEW)
        who = person(request)
        may = {"may_compute": may_ask, "may_edit": may_edit(obj, who)}
        return request_page(obj, who, datetime.now(UTC)) | may

    @admin.display(description="request", ordering="-id")
    def title_shown(self, row: ChangeRequest) -> SafeString:
        about = '{} <div class="cw-quiet cw-small">{} {} · {}, drafted by {}</div>'
        return format_html(about, row.title, "request", row.pk, row.module, row.author_name)

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: ChangeRequest) -> SafeString:
        is_sound = row.health == ChangeRequest.Health.VALID or row.state not in ChangeRequest.OPEN
        return badge(row.state) if is_sound else format_html("{} {}", badge(row.state), badge(row.health))

    @admin.display(description="size", ordering="movement")
    def size(self, row: Any) -> SafeString:
        """Format the number of lines and of steps; the other kinds of request have no such size."""
        if not row.n_lines:
            return format_html('<span class="cw-quiet">{}</span>', in_words(row.kind))
        steps = number(row.movement, 1, unit="steps")
        lines = f"{row.n_lines:,} {'line' if row.n_lines == 1 else 'lines'}"
        return format_html('{}<div class="cw-quiet cw-small">{}</div>', steps, lines)

    @admin.display(description="exposure")
    def effect(self, row: Any) -> SafeString:
        return effect_shown(row, row.progress.effect)

    @admin.display(description="approvals")
    def approvals(self, row: Any) -> SafeString:
        if row.route != ChangeRequest.Route.REVIEW:
            return format_html('<span class="cw-quiet">{}</span>', in_words(row.route))
        return format_html('<span class="cw-num">{} of {}</span>', row.progress.approvals, row.progress.needed)

    @admin.display(description="who can act")
    def who(self, row: Any) -> str | SafeString:
        return row.progress.who or MISSING

    @admin.display(description="drafted, expires", ordering="created_at")
    def created(self, row: ChangeRequest) -> SafeString:
        if row.state not in ChangeRequest.OPEN:
            return format_moment(row.created_at)
        expires = format_moment(row.expires_at)
        return format_html('{}<div class="cw-quiet">{}</div>', format_moment(row.created_at), expires)


def _signing(request: ChangeRequest, sent: HttpRequest) -> Signing | None:
    """Return what the step signs, for the chosen lines alone if only some were chosen."""
    changes = chosen_lines(request, sent.POST or sent.GET) or list(request.lines.all())
    module = request.module
    return signing_of(request, changes, policy_of(module), current_parameters(module), datetime.now(UTC))
