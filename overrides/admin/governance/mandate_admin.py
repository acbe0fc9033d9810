"""Admin of mandates: what approvals let the builder do without a person, how much of each is left, and who signs it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.governance.mandate_acts import ACTS, act_view, lead_to
from overrides.admin.governance.mandate_page import mandate_page
from overrides.admin.line_lists import (
    BY_CHANNEL,
    BY_METHOD,
    LINE_COLUMNS,
    LINE_SEARCH,
    channel_words,
    found_by_line,
    line_shown,
)
from overrides.admin.mandate_display import (
    headroom_shown,
    signers_of,
    signers_shown,
    state_badge,
    term_shown,
)
from overrides.core.governance.mandates import DUE_BEFORE
from overrides.core.governance.permissions import REVIEW
from overrides.models import Mandate, Membership, Override
from overrides.requests.renewal import OF_LINES_IN_FORCE, suspended_at
from telemetry.core.vocabulary import Module
from telemetry.foundation.admin.formatting import MISSING, number
from telemetry.foundation.admin.pagination import CompletedList, FactList
from telemetry.foundation.admin.read_only import DefaultFilter, FactAdmin, one_of, person


def due_by(at: datetime) -> Q:
    """Return the condition for mandates on lines in force whose review is overdue or due within two weeks."""
    return Q(OF_LINES_IN_FORCE, revoked_at=None, review_by__lte=at + DUE_BEFORE)


def overdue_at(at: datetime) -> Q:
    """Return the condition for mandates on lines in force whose review is overdue."""
    return Q(OF_LINES_IN_FORCE, revoked_at=None, review_by__lte=at)


class DueFilter(DefaultFilter):
    """Filters by review date. Without a choice it lists mandates that apply, or would if they had been reviewed."""

    title = "review"
    parameter_name = "due"
    words = "mandates that apply, or would apply once reviewed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        soon = f"due within {DUE_BEFORE.days} days"
        return (("soon", soon), ("over", "overdue"), ("suspended", "suspended"), ("ended", "ended or lapsed"))

    def default(self, queryset: QuerySet[Mandate]) -> QuerySet[Mandate]:
        return queryset.filter(_current(datetime.now(UTC)))

    def chosen(self, queryset: QuerySet[Mandate], value: str) -> QuerySet[Mandate]:
        now = datetime.now(UTC)
        conditions = {
            "soon": due_by(now),
            "over": overdue_at(now),
            "suspended": suspended_at(now),
            "ended": ~_current(now),
        }
        return queryset.filter(conditions.get(value, _current(now)))


def _current(at: datetime) -> Q:
    return Q(revoked_at=None) & (Q(review_by__gt=at) | Q(OF_LINES_IN_FORCE))


class MandateList(CompletedList):
    """Adds to each row `in_force`, the override in force on its line, and `signers`, the people who sign it.

    `may_sign`: the reader may sign it again.
    """

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        found = Override.objects.select_related("line").in_bulk([row.in_force_id for row in rows if row.in_force_id])
        signers = signers_of(rows)
        for row in rows:
            row.in_force, row.signers = found.get(row.in_force_id), signers[row.pk]
            row.may_sign = request.user.has_perm(REVIEW)


@admin.register(Mandate)
class MandateAdmin(FactAdmin):
    """The list of mandates with what each still allows, and the pages to renew and to revoke them."""

    nothing_yet = "Approving a line and applying it signs one."
    change_form_template = "overrides/governance/mandate.html"
    list_display = ("what", "levers_of", "state", "signed_by", "still_allows", "evidence")
    list_filter = (DueFilter, one_of("line__module", Module, "module"), BY_CHANNEL, BY_METHOD)
    search_fields = ("line__pattern_key",)
    search_help_text = LINE_SEARCH
    csv_fields = (
        "id", "line_id", *(f"line__{name}" for name in LINE_COLUMNS), "request_id", "direction", "granted_at",
        "review_by", "revoked_at", "in_force_id",
    )  # fmt: skip
    list_select_related = ("line", "request")
    ordering = ("review_by", "id")
    sortable_by = ()
    fields = ("what",)
    readonly_fields = ("what",)
    actions = ()  # see `get_actions`

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return MandateList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Mandate], search_term: str
    ) -> tuple[QuerySet[Mandate], bool]:
        return found_by_line(queryset, search_term), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mandate]:
        in_force = Membership.objects.filter(line=OuterRef("line"), to_version=None).values("override")[:1]
        queryset: QuerySet[Mandate] = super().get_queryset(request).select_related("line", "request", "renewed_by")
        return queryset.annotate(in_force_id=Subquery(in_force))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the acts that this user may take on several mandates at once."""
        return {
            act.name: (lead_to(act), act.name, f"{act.label} the selected mandates…")
            for act in ACTS
            if request.user.has_perm(act.permission)
        }

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"{act.name}/",
                self.admin_site.admin_view(partial(act_view, self, act=act)),
                name=f"overrides_mandate_{act.name}",
            )
            for act in ACTS
        ]
        return [*acts, *super().get_urls()]

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return mandate_page(obj, person(request), datetime.now(UTC))

    @admin.display(description="pattern, action and scope")
    def what(self, mandate: Mandate) -> SafeString:
        return line_shown(mandate.line)

    @admin.display(description="levers, learning method")
    def levers_of(self, mandate: Mandate) -> SafeString:
        return channel_words(mandate.line.channel, mandate.line.policy)

    @admin.display(description="signed by")
    def signed_by(self, mandate: Any) -> SafeString:
        """Format the names, with links to the request and to the line."""
        where = reverse("admin:overrides_changerequest_change", args=[mandate.request_id])
        line = reverse("admin:overrides_line_change", args=[mandate.line_id])
        return format_html(
            '{} <div class="cw-small"><a href="{}">request {}</a> · <a href="{}">line</a></div>',
            *(signers_shown(mandate.signers), where, mandate.request_id, line),
        )

    @admin.display(description="in force, and the farthest allowed")
    def still_allows(self, mandate: Any) -> SafeString:
        return headroom_shown(mandate, mandate.in_force, datetime.now(UTC))

    @admin.display(description="evidence, and the least")
    def evidence(self, mandate: Any) -> SafeString:
        """Format the evidence in force beside the least for which the mandate applies."""
        if mandate.in_force is None:
            return MISSING
        terms, in_force = mandate.terms, mandate.in_force
        return format_html(
            '<div class="cw-lever">{} trades <span class="cw-quiet">of</span> {}</div>'
            '<div class="cw-lever">edge {} <span class="cw-quiet">of</span> {}</div>',
            *(number(in_force.n, 0), number(terms.least_n, 0)),
            *(number(abs(in_force.edge_raw), 2), number(terms.least_edge, 2, unit="R")),
        )

    @admin.display(description="review")
    def state(self, mandate: Any) -> SafeString:
        now = datetime.now(UTC)
        suspended = mandate.signers.suspended
        shown = state_badge(mandate, in_force=mandate.in_force is not None, suspended=suspended, at=now)
        if mandate.revoked_at is None:
            shown = format_html('{} <div class="cw-small">{}</div>', shown, term_shown(mandate.review_by, now))
        if not suspended or mandate.revoked_at is not None or mandate.review_by <= now:
            return shown
        where = reverse("admin:overrides_changerequest_renew", args=[mandate.request_id])
        is_shown = mandate.may_sign and mandate.renews_id is None
        link = format_html('<a href="{}">sign again…</a>', where) if is_shown else ""
        return format_html('{} <div class="cw-quiet cw-small">{}</div>{}', shown, suspended, link)
